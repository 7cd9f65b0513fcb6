#!/bin/bash
# Clients for people, driven in a terminal or a program against a server of its
# own: profanity and mcabber in tmux, @xmpp/client from npm. `make clients` calls
# it; it needs Debian's profanity, mcabber, tmux, nodejs and npm, and leaves out
# what is missing. What a client shows is printed, so that a person can look.
set -u
cd "$(dirname "$0")/../.."
here=$PWD
export DIR=$(mktemp -d /tmp/cxx-clients-XXXXXX) DOMAIN=localhost CXX=$here/bin/cxx
tmux="tmux -L cxx-$$"
bad=0

pass() { echo "PASS $*"; }
fail() { echo "FAIL $*"; bad=1; }

# until SECONDS COMMAND …: wait for something that nothing announces
until_ok() {
  local n=$(($1 * 5)); shift
  while ((n-- > 0)); do "$@" && return 0; sleep 0.2; done
  return 1
}

"$here/bin/cxxd" serve --data "$DIR/data" --set xmpp.domain=localhost xmpp.registration=true server.test_mode=true \
  xmpp.listen=127.0.0.1:0 xmpp.tls_listen=127.0.0.1:0 nas.listen=127.0.0.1:0 cxx.listen=127.0.0.1:0 \
  http.listen=127.0.0.1:0 admin.listen=127.0.0.1:0 >"$DIR/ready" 2>"$DIR/log" &
server=$!
trap '$tmux kill-server 2>/dev/null; kill $server; wait $server; rm -rf "$DIR"' EXIT
until_ok 20 grep -q ^ready "$DIR/ready" || { cat "$DIR/log"; exit 1; }
for word in $(grep ^ready "$DIR/ready"); do
  case $word in
    nas=*) export NAS=${word#*=} ;;
    xmpp=*) export XMPP=${word#*=} ;;
    http=*) export WS=ws://${word#*=}/ws ;;
  esac
done
export CA=$DIR/data/ca.pem
echo "a long secret" >"$DIR/password"
chmod 600 "$DIR/password"

cxx() { local as=$1; shift; "$CXX" "$@" --nas "$NAS" --ca "$CA" --as "$as@localhost" --password-file "$DIR/password" --state "$DIR/state-$as"; }
for u in alice prof mcab web; do cxx $u register >/dev/null || exit 1; done
cxx alice listen --since 0 >"$DIR/alice" 2>&1 &
listener=$!
trap '$tmux kill-server 2>/dev/null; kill $listener; kill $server; wait $server; rm -rf "$DIR"' EXIT

screen() { $tmux capture-pane -p -t "$1" 2>/dev/null; }
shows() { screen "$1" | grep -q -- "$2"; }
heard() { grep -q -- "$1" "$DIR/alice"; }
# type TEXT into a window and press enter, at the pace of a fast person
keys() { $tmux send-keys -t "$1" -l "$2"; sleep 0.3; $tmux send-keys -t "$1" Enter; sleep 0.7; }

wants() { # NAME WHAT COMMAND …
  local client=$1 what=$2; shift 2
  if until_ok 15 "$@"; then pass "$client: $what"; else fail "$client: $what"; screen "$client" | grep -v '^[ │]*$'; fi
}

# start_profanity HOME: without a home of before, its history is the archive
start_profanity() {
  mkdir -p "$DIR/$1/.config" "$DIR/$1/.local/share"
  $tmux new-session -d -s profanity -x 120 -y 40 "env HOME=$DIR/$1 XDG_CONFIG_HOME=$DIR/$1/.config XDG_DATA_HOME=$DIR/$1/.local/share TERM=screen profanity"
  until_ok 10 shows profanity Profanity
  keys profanity "/mam on"
  keys profanity "/connect prof@localhost server 127.0.0.1 port ${XMPP##*:} tls trust"
  until_ok 10 shows profanity -i "password"
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
  keys profanity "/quit"
  until_ok 10 gone profanity
  start_profanity prof2
  wants profanity "logged in again" shows profanity "prof@localhost.*logged in"
  keys profanity "/msg alice@localhost"
  wants profanity "history" shows profanity "hello from profanity"
  keys profanity "/roster"
  echo "--- what profanity shows:"; screen profanity | grep -v '^[ │]*$'
  keys profanity "/quit"
}

gone() { ! $tmux has-session -t "$1" 2>/dev/null; }

sees_presence() { cxx alice contacts | grep "$1" | grep -q "$2"; }

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
  echo "--- what mcabber shows:"; screen mcabber | grep -v '^[ │]*$'
  keys mcabber "/quit"
}

web_() {
  mkdir -p "$DIR/web" && cp imtest/stock/web.mjs "$DIR/web"
  (cd "$DIR/web" && npm init -y >/dev/null && npm install --no-audit --no-fund --silent @xmpp/client ws) || { fail "npm install @xmpp/client"; return; }
  (cd "$DIR/web" && USER_NAME=web PEER=alice node web.mjs) || fail "@xmpp/client"
}

for c in profanity mcabber; do
  if command -v $c >/dev/null && command -v tmux >/dev/null; then ${c}_; else echo "LEFT OUT $c: not installed"; fi
done
if command -v npm >/dev/null; then web_; else echo "LEFT OUT @xmpp/client: npm is not installed"; fi
echo "--- what cxx listen of alice heard:"
cat "$DIR/alice"
exit $bad
