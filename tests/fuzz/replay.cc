// Runs a fuzz target over the inputs in a directory, as a test without libFuzzer. Every input is
// also given cut in half: what is damaged has its own way through a reader.
//
// usage: <name>_replay DIRECTORY
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace fs = std::filesystem;

// A heap block of its own, so that the address sanitizer sees a read beyond the end.
void Run(const std::string& bytes, size_t size) {
  const auto copy = std::make_unique<uint8_t[]>(size);
  std::copy_n(bytes.begin(), size, copy.get());
  LLVMFuzzerTestOneInput(copy.get(), size);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || !fs::is_directory(argv[1])) {
    std::fprintf(stderr, "usage: %s DIRECTORY of fuzz inputs\n", argv[0]);
    return 2;
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(argv[1])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    std::fprintf(stderr, "no inputs in %s\n", argv[1]);
    return 1;
  }
  for (const fs::path& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (!file) {
      std::fprintf(stderr, "cannot read %s\n", path.c_str());
      return 1;
    }
    // Known before it runs, so that the last line names the input that ended the program.
    std::printf("%s\n", path.filename().c_str());
    std::fflush(stdout);
    Run(bytes, bytes.size());
    Run(bytes, bytes.size() / 2);
  }
  std::printf("%zu inputs\n", files.size());
}
