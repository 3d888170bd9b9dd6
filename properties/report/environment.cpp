#include "report/environment.hpp"

#include <sys/utsname.h>

#include <fstream>

namespace bncheck {
namespace {

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "GCC " __VERSION__;
#endif
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string vector_instructions() {
#if defined(__x86_64__) || defined(__i386__)
  std::string names;
  const auto add = [&](bool has, const char* name) {
    if (has) names += (names.empty() ? "" : ", ") + std::string(name);
  };
  add(__builtin_cpu_supports("sse4.2") != 0, "SSE4.2");
  add(__builtin_cpu_supports("avx2") != 0, "AVX2");
  add(__builtin_cpu_supports("fma") != 0, "FMA");
  add(__builtin_cpu_supports("avx512f") != 0, "AVX-512F");
  add(__builtin_cpu_supports("avx512bw") != 0, "AVX-512BW");
  return names.empty() ? "SSE2" : names;
#else
  return "those of the processor";
#endif
}

std::string system_name() {
  utsname name{};
  if (::uname(&name) != 0) return "unknown";
  return std::string(name.sysname) + " " + name.release + ", " + name.machine;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> environment_facts(const std::string& version) {
  return {{"bncheck", version},
          {"compiler", compiler()},
          {"system", system_name()},
          {"processor", processor()},
          {"vector instructions", vector_instructions()}};
}

}  // namespace bncheck
