# What tests read from the environment; sourced at the repository's top. $1: what becomes of tests of real events
# when there are none.
data=${OCTOLAKE_TEST_DATA:-../shared/data}
if [ -d "$data" ]; then
  OCTOLAKE_TEST_DATA=$(cd "$data" && pwd)
  export OCTOLAKE_TEST_DATA
else
  unset OCTOLAKE_TEST_DATA
  echo "No real event data at $data: $1." >&2
fi
export OCTOLAKE=${OCTOLAKE:-$PWD/build/release/bin/octolake}
# Neither UTC nor whole hours from it: a use of local time shows.
export TZ=Asia/Kathmandu
