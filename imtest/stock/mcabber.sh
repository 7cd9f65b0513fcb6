# mcabber in tmux: clients.sh reads this.

mcabber_() {
  cat >"$DIR/mcabberrc" <<RC
set jid = mcab@localhost/mcabber
set password = "a long secret"
set server = 127.0.0.1
set port = ${XMPP##*:}
set tls = 1
set ssl_ignore_checks = 1
set logging = 0
RC
  chmod 600 "$DIR/mcabberrc"
  mkdir -p "$DIR/mcab"
  $tmux new-session -d -s mcabber -x 120 -y 40 "env HOME=$DIR/mcab TERM=screen mcabber -f $DIR/mcabberrc"
  wants mcabber "logged in" shows mcabber "Connection established"
  keys mcabber "/add alice@localhost"
  wants mcabber "its request reached cxx" heard mcab
  cxx alice accept mcab >/dev/null
  keys mcabber "/authorization allow alice@localhost"
  keys mcabber "/say_to alice@localhost hello from mcabber"
  wants mcabber "its message reached cxx" heard "hello from mcabber"
  cxx alice send mcab "hello to mcabber" >/dev/null
  keys mcabber "/roster search alice"
  keys mcabber "" # Enter opens the conversation
  wants mcabber "the message of cxx reached it" shows mcabber "hello to mcabber"
  keys mcabber "/status away tea"
  wants mcabber "cxx sees its presence" sees_presence mcab tea
  display mcabber
  mcabber_rooms
  display mcabber
  keys mcabber "/quit"
}

mcabber_rooms() {
  keys mcabber "/room join $ROOM Mac"
  keys mcabber "/roster search tea"
  keys mcabber ""
  wants mcabber "it is in a room" shows mcabber "You have joined as \"Mac\""
  wants mcabber "history of the room" shows mcabber "<Alice> before anybody came"
  keys mcabber "hello room from mcabber"
  wants mcabber "cxx hears it in the room" heard "Mac: hello room from mcabber"
  cxx alice send "#tea" "mcabber?" >/dev/null
  wants mcabber "it hears cxx in the room" shows mcabber "<Alice> mcabber?"
  keys mcabber "/room topic coffee"
  wants mcabber "cxx sees its subject" heard "Mac has set the subject to .coffee"
  cxx alice role "#tea" mcab admin >/dev/null
  keys mcabber "/room nick Alice"
  wants mcabber "a nickname that somebody has" shows mcabber "conflict"
  keys mcabber "/room nick Maccie"
  wants mcabber "another nickname" heard "Mac is called Maccie now"
  keys mcabber "/room whois Alice"
  wants mcabber "who Alice is" shows mcabber "<alice@localhost>"
  cxx web join "#tea" --nick Web >/dev/null
  keys mcabber "/room role Web visitor hush"
  wants mcabber "it takes voice" heard "Maccie has muted Web: hush"
  keys mcabber "/room kick Web enough"
  wants mcabber "it sends away" heard "Maccie has removed Web: enough"
  keys mcabber "/room ban web@localhost spam"
  wants mcabber "it bans" heard "Maccie has banned web: spam"
  keys mcabber "/room unban web@localhost"
  wants mcabber "and lifts the ban" heard "Maccie has lifted the ban of web"
  keys mcabber "/room leave bye"
  wants mcabber "it has left" shows mcabber "You have left"
  cxx alice send "#tea" "while mcabber was out" >/dev/null
  keys mcabber "/room join $ROOM Maccie"
  wants mcabber "what was said meanwhile" shows mcabber "<Alice> while mcabber was out"
}
