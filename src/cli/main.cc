#include "cli/program.h"

int main(int argc, char** argv) { return octolake::cli::RunProgram(argc, argv); }
