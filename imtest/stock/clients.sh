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

# cxx USER ARGUMENTS …
cxx() { account "$1"; "$CXX" "${@:2}" "${account[@]}"; }
# listen USER: what he hears goes to a file of his name
listen() { account "$1"; exec "$CXX" listen --since 0 "${account[@]}" >"$DIR/$1" 2>&1; }
account() { account=(--nas "$NAS" --ca "$CA" --as "$1@localhost" --password-file "$DIR/password" --state "$DIR/state-$1"); }

for u in alice prof mcab web other; do cxx $u register >/dev/null || exit 1; done
listen alice &
listeners=$!
listen web &
listeners+=" $!"
trap '$tmux kill-server 2>/dev/null; kill $listeners $server; wait $server; rm -rf "$DIR"' EXIT

# A group of C-XX, which is a room for clients of XMPP.
export ROOM=tea@conference.localhost
cxx alice group-create tea title="Tea time" join=open history=yes --nick Alice >/dev/null
cxx alice send "#tea" "before anybody came" >/dev/null

screen() { $tmux capture-pane -p -t "$1" 2>/dev/null; }
shows() { screen "$1" | grep -q -- "$2"; }
heard() { grep -q -- "$1" "$DIR/alice"; }
# type TEXT into a window and press enter, at the pace of a fast person
keys() { $tmux send-keys -t "$1" -l "$2"; sleep 0.3; $tmux send-keys -t "$1" Enter; sleep 0.7; }

wants() { # NAME WHAT COMMAND …
  local client=$1 what=$2; shift 2
  if until_ok 15 "$@"; then pass "$client: $what"; else fail "$client: $what"; display "$client"; fi
}

display() { echo "--- what $1 shows:"; screen "$1" | grep -v '^[ │]*$'; }

gone() { ! $tmux has-session -t "$1" 2>/dev/null; }

sees_presence() { cxx alice contacts | grep "$1" | grep -q "$2"; }

web_() {
  mkdir -p "$DIR/npm" && cp imtest/stock/*.mjs "$DIR/npm"
  (cd "$DIR/npm" && npm init -y >/dev/null && npm install --no-audit --no-fund --silent @xmpp/client ws) || { fail "npm install @xmpp/client"; return; }
  for script in web rooms; do
    (cd "$DIR/npm" && USER_NAME=web OTHER_NAME=other PEER=alice NODE_EXTRA_CA_CERTS=$CA node $script.mjs) || fail "@xmpp/client: $script"
  done
}

. imtest/stock/profanity.sh
. imtest/stock/mcabber.sh
for c in profanity mcabber; do
  if command -v $c >/dev/null && command -v tmux >/dev/null; then ${c}_; else echo "LEFT OUT $c: not installed"; fi
done
if command -v npm >/dev/null; then web_; else echo "LEFT OUT @xmpp/client: npm is not installed"; fi
echo "--- what cxx listen of alice heard:"
cat "$DIR/alice"
echo "--- what the server warned of:"
grep -E "level=(WARN|ERROR)" "$DIR/log"
exit $bad
