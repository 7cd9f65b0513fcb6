# profanity in tmux: clients.sh reads this.

# start_profanity HOME: without a home of before, its history is the archive
start_profanity() {
  mkdir -p "$DIR/$1/.config" "$DIR/$1/.local/share"
  $tmux new-session -d -s profanity -x 120 -y 40 "env HOME=$DIR/$1 XDG_CONFIG_HOME=$DIR/$1/.config XDG_DATA_HOME=$DIR/$1/.local/share TERM=screen profanity"
  until_ok 10 shows profanity Profanity
  keys profanity "/mam on"
  keys profanity "/connect prof@localhost server 127.0.0.1 port ${XMPP##*:} tls trust"
  until_ok 10 shows profanity "assword"
  keys profanity "a long secret"
}

profanity_() {
  start_profanity prof1
  wants profanity "logged in" shows profanity "prof@localhost.*logged in"
  keys profanity "/msg alice@localhost hello from profanity"
  wants profanity "its message reached cxx" heard "hello from profanity"
  cxx alice send prof "hello to profanity" >/dev/null
  wants profanity "the message of cxx reached it" shows profanity "hello to profanity"
  cxx alice add prof >/dev/null
  wants profanity "the request of cxx reached it" shows profanity "Authorization request"
  keys profanity "/sub allow alice@localhost"
  keys profanity "/sub request alice@localhost"
  keys profanity '/status set away "lunch"'
  wants profanity "cxx sees its presence" sees_presence prof lunch
  profanity_rooms
  keys profanity "/quit"
  until_ok 10 gone profanity
  start_profanity prof2
  wants profanity "logged in again" shows profanity "prof@localhost.*logged in"
  keys profanity "/msg alice@localhost"
  wants profanity "history" shows profanity "hello from profanity"
  keys profanity "/roster"
  display profanity
  $tmux send-keys -t profanity M-2 # the room that it has joined again by itself
  wants profanity "its room again, by its bookmark, with what was said" shows profanity "hello to the room"
  display profanity
  keys profanity "/quit"
}

profanity_rooms() {
  keys profanity "/join $ROOM"
  wants profanity "it is in a room" shows profanity "You have joined the room as prof"
  wants profanity "history of the room" shows profanity "before anybody came"
  keys profanity "hello room from profanity"
  wants profanity "cxx hears it in the room" heard "prof: hello room from profanity"
  cxx alice send "#tea" "hello to the room" >/dev/null
  wants profanity "it hears cxx in the room" shows profanity "Alice: hello to the room"
  keys profanity "/subject set green tea"
  wants profanity "cxx sees its subject" heard "prof has set the subject to .green tea"
  keys profanity "/kick Alice"
  wants profanity "who keeps no order sends nobody away" shows profanity "Error kicking Alice"
  cxx alice role "#tea" prof admin >/dev/null
  keys profanity "/affiliation list admin"
  wants profanity "it is an admin" shows profanity "prof@localhost$"
  cxx web join "#tea" --nick Web >/dev/null
  wants profanity "it sees who comes with cxx" shows profanity " Web$"
  keys profanity "/role set visitor Web hush"
  wants profanity "it takes voice" heard "prof has muted Web: hush"
  keys profanity "/role set participant Web"
  wants profanity "and gives it" heard "Web may write again, by prof"
  keys profanity "/kick Web enough"
  wants profanity "it sends away" heard "prof has removed Web: enough"
  keys profanity "/ban web@localhost spam"
  wants profanity "it bans" heard "prof has banned web: spam"
  keys profanity "/affiliation set none web@localhost"
  wants profanity "and lifts the ban" heard "prof has lifted the ban of web"
  display profanity
  keys profanity "/join den@conference.localhost"
  wants profanity "it makes a room" shows profanity "Room locked, requires configuration"
  keys profanity "/room config"
  wants profanity "the form of the room" shows profanity "Who learns who is behind a nickname"
  keys profanity "/field1 \"The den\""
  keys profanity "/form submit"
  wants profanity "the room is open" shows profanity "Room configuration successful"
  keys profanity "/room destroy"
  wants profanity "the end of the room" shows profanity "Room destroyed: den@"
}
