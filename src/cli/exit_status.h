// What the program's exit status means; scripts rely on it.
#pragma once

namespace octolake::cli {

inline constexpr int kDone = 0;         // rejected events are counted, not a failure
inline constexpr int kFailed = 1;       // also in part; what is good was committed
inline constexpr int kWrongUsage = 2;   // nothing was done
inline constexpr int kTestsFailed = 3;  // a data test of severity error; the tables are committed

}  // namespace octolake::cli
