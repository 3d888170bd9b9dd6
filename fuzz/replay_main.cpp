/// Runs a fuzz target on files and folders of inputs, without a fuzzing engine.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "bncheck/files.hpp"
#include "bncheck/safetensors.hpp"
#include "bncheck/untrusted_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

/// Files of a folder in the order of their names. Throws if there is nothing to run.
std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  if (files.empty()) throw std::runtime_error("the folder '" + path.string() + "' holds no input");
  std::ranges::sort(files);
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: {} FILE-OR-FOLDER...\n", argv[0]);
    return 2;
  }
  std::vector<std::vector<std::byte>> inputs;
  try {
    for (int k = 1; k < argc; ++k) {
      for (const fs::path& path : files_of(argv[k])) inputs.push_back(bncheck::read_file(path));
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", bncheck::untrusted_line(error.what(), bncheck::message_bytes));
    return 2;
  }
  // An exception of the target is a finding, and ends the process like any other.
  for (const std::vector<std::byte>& bytes : inputs) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  fmt::print("{} inputs\n", inputs.size());
  return 0;
}
