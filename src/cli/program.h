// The octolake program: parses the command line, reads the configuration, runs one command.
#pragma once

namespace CLI {
class App;
}

namespace octolake::cli {

// Returns the exit status (exit_status.h). No exception leaves it.
int RunProgram(int argc, const char* const* argv);

}  // namespace octolake::cli
