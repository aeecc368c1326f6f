#!/bin/sh
# Port exits per second: 'vmstate run' against exits.c, both as whole processes, starting included.
# Usage: exits.sh [EXITS [ROUNDS]]; needs gcc, /dev/kvm and a built vmstate. Best of the rounds, which
# take turns, so that what else the machine does meets both.
set -eu
exits=${1:-500000}
rounds=${2:-3}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
vmstate=$here/../../../vmstate
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

gcc -O2 -Wall -o "$work/exits" "$here/exits.c"
# mov ecx,EXITS; again: out 0x80,al; dec ecx; jnz again; hlt
count=$(printf '\\%03o\\%03o\\%03o\\%03o' $((exits & 255)) $((exits >> 8 & 255)) $((exits >> 16 & 255)) $((exits >> 24)))
# shellcheck disable=SC2059 # the count is part of the format
printf "\\146\\271$count\\346\\200\\146\\111\\165\\372\\364" >"$work/guest.bin"

# Milliseconds of a command.
took() {
  start=$(date +%s%N)
  "$@" </dev/null >"$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
  echo $((($(date +%s%N) - start) / 1000000))
}

"$vmstate" run --help >/dev/null # makes the class-data archive, if there is none yet
best_c='' best_java=''
round=0
while [ "$round" -lt "$rounds" ]; do
  round=$((round + 1))
  c=$(took "$work/exits" "$work/guest.bin")
  java=$(took "$vmstate" run "$work/guest.bin")
  printf 'round %d: C %d ms, vmstate run %d ms\n' "$round" "$c" "$java"
  if [ -z "$best_c" ] || [ "$c" -lt "$best_c" ]; then best_c=$c; fi
  if [ -z "$best_java" ] || [ "$java" -lt "$best_java" ]; then best_java=$java; fi
done
printf 'C            %d exits/s\n' $((exits * 1000 / best_c))
printf 'vmstate run  %d exits/s, %d %% of C\n' $((exits * 1000 / best_java)) $((100 * best_c / best_java))
