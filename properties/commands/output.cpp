#include "commands/output.hpp"

#include <cerrno>
#include <cstdio>
#include <iostream>

#include "bncheck/untrusted_text.hpp"
#include "commands/signals.hpp"

namespace bncheck {
namespace {

void write_error(std::string_view text) {
  // Output that stderr does not take is lost: there is no other place to report it.
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace

void print_text(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() && errno == EPIPE) end_by_broken_pipe();
}

void flush_output() {
  std::cout.flush();
  if (std::fflush(stdout) != 0 && errno == EPIPE) end_by_broken_pipe();
}

bool output_is_whole() {
  flush_output();
  return std::ferror(stdout) == 0 && std::cout.good();
}

void complain(const std::string& message) {
  write_error("bncheck: " + untrusted_line(message, message_bytes) + "\n");
}

void show_progress(std::string_view text) {
  write_error("\r\033[K" + std::string(text));
}

}  // namespace bncheck
