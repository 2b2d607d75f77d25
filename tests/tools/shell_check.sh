#!/bin/sh
# Every program, run by hand without words or with wrong ones, says in one line what it takes, and exits with 100.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/${BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/control" "$work/empty" && echo here.example >"$work/control/me"
failures=0

# try NAME DIRECTORY WHAT PROGRAM [WORD]...
try() {
  name=$1 directory=$2 what=$3
  shift 3
  (cd "$directory" && exec timeout 20 env -i PATH="$PATH" POSTERN_DIR="$directory" "$@" </dev/null >"$work/out" 2>"$work/err")
  code=$?
  lines=$(wc -l <"$work/err")
  why=
  [ "$code" -eq 100 ] || why="exit code $code"
  [ "$lines" -eq 1 ] || why="$why, $lines lines"
  grep -q "^$name: " "$work/err" || why="$why, its name is not in front"
  grep -Eq -e 'usage: |descriptor 0|directory|--nonsense' "$work/err" || why="$why, it says neither what it takes nor what is wrong"
  [ -z "$why" ] || {
    echo "not ok $name $what: ${why#, }: $(tr '\n' ' ' <"$work/err")"
    failures=$((failures + 1))
    return
  }
  echo "ok $name $what"
}

found=0
for program in "$build"/*/*; do
  case ${program#"$build"/} in
    *.* | lib/* | tests/* | fuzz/* | san/*) continue ;;
  esac
  [ -f "$program" ] && [ -x "$program" ] || continue
  name=${program##*/}
  found=$((found + 1))
  # pop3d takes no word: it serves whom it finds, from the home that it is in.
  [ "$name" = pop3d ] || try "$name" "$work/empty" 'without words, elsewhere' "$program"
  try "$name" "$work/empty" 'with wrong words' "$program" --nonsense x y
  case $name in
    smtpd | inject | queue | user | domain | postern | status | maildirmake | pop3d) ;; # need no service around them
    queue-inject) try "$name" "$work" "in Postern's directory, without its socket" "$program" trusted ;;
    local-spawn) try "$name" "$work" "in Postern's directory, without its socket" "$program" /bin/local ;;
    *) try "$name" "$work" "in Postern's directory, without its socket" "$program" ;;
  esac
done
if [ "$found" -lt 10 ]; then
  echo "not ok programs: only $found below $build"
  failures=$((failures + 1))
fi
[ "$failures" -eq 0 ]
