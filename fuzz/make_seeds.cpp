/// Writes the seed corpora: make_seeds CORPUS writes CORPUS/fuzz_forward, fuzz_backward, fuzz_reject,
/// fuzz_case_file and fuzz_frame. The files are the same on every machine; existing files are replaced.

#include <fmt/format.h>

#include <filesystem>

#include "bncheck/files.hpp"
#include "bncheck/safetensors.hpp"
#include "core/fnv.hpp"
#include "decode.hpp"
#include "laws/catalogue.hpp"
#include "mutate.hpp"
#include "subjects/foreign/frames.hpp"
#include "subjects/foreign/wire.hpp"
#include "subjects/registry.hpp"

namespace {

using namespace bncheck;
using namespace bncheck::fuzz;
namespace fs = std::filesystem;

/// Size of the largest seed in bytes.
constexpr std::size_t most_bytes = 4096;

void write(const fs::path& path, const Bytes& bytes) {
  write_file(path, std::as_bytes(std::span(bytes)));
}

/// Cases drawn by each law, on both subjects, with a few edits, so that they differ from plain draws.
void write_cases(const fs::path& folder, const Family& family, int per_law) {
  fs::create_directories(folder);
  for (const Law* law : family.laws) {
    for (int k = 0; k < per_law; ++k) {
      RandomDraws draws(Fnv().add(law->name).value() + static_cast<std::uint64_t>(k), 20 * (k + 1));
      Input input{law, k == 1 ? "bn_functional" : "bn", {}};
      Bytes bytes;
      do {
        input.content = law->draw(draws, subject_named(input.subject).can());
        bytes = encode(input);
      } while (bytes.size() > most_bytes || !affordable(input.content));
      write(folder / fmt::format("{}-{}", law->name, k), bytes);
    }
  }
}

/// A valid case file, and files that a reader must refuse: cut, overwritten, extended, nested, empty.
void write_damaged(const fs::path& folder) {
  fs::create_directories(folder);
  RandomDraws draws(1, 20);
  for (const char* name : {"matches_oracle", "layouts_agree", "momentum_k_steps", "length_rejected"}) {
    const Law* law = law_named(name);
    const Input input{law, "bn", law->draw(draws, subject_named("bn").can())};
    const Bytes whole = encode(input);
    write(folder / name, whole);
    write(folder / fmt::format("{}-cut", name), {whole.begin(), whole.end() - 5});
    Bytes altered = whole;
    for (int k = 0; k < 4; ++k) altered[static_cast<std::size_t>(draws.below(altered.size()))] ^= 0x11;
    write(folder / fmt::format("{}-altered", name), altered);
    altered = whole;
    altered.resize(whole.size() + 16);
    write(folder / fmt::format("{}-extended", name), altered);
  }
  const auto container = [&](const char* name, const std::string& header, std::size_t data) {
    Bytes bytes(8, 0);
    bytes[0] = static_cast<std::uint8_t>(header.size() & 0xff);
    bytes[1] = static_cast<std::uint8_t>(header.size() >> 8);
    bytes.insert(bytes.end(), header.begin(), header.end());
    bytes.resize(bytes.size() + data);
    write(folder / name, bytes);
  };
  container("header-empty", "{}", 0);
  container("header-list", "[]", 0);
  container("header-nested", R"({"a":[[[[[[[[[[1]]]]]]]]]]})", 0);
  container("header-huge-shape",
            R"({"x":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,8]}})", 8);
  container("header-overlap",
            R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
            R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
            8);
  container("header-twice", R"({"__metadata__":{"format":"bncheck-case","format":"bncheck-case"}})", 0);
}

/// Replies of each kind, complete and damaged, as a program would send them.
void write_frames(const fs::path& folder) {
  fs::create_directories(folder);
  const float values[] = {1, 2, 3, 4};
  const Tensor data = Tensor::of({2, 2}, values);
  const Tensor vector = Tensor::of({2}, std::span(values).first(2));
  const auto frame = [&](const char* name, const Metadata& metadata, const NamedTensors& tensors) {
    Bytes bytes;
    const OutgoingFrame outgoing(metadata, tensors);
    for (const auto piece : outgoing.pieces()) {
      const auto* first = reinterpret_cast<const std::uint8_t*>(piece.data());
      bytes.insert(bytes.end(), first, first + piece.size());
    }
    write(folder / name, bytes);
    bytes.resize(bytes.size() / 2);
    write(folder / fmt::format("{}-cut", name), bytes);
  };
  frame("capabilities", capabilities_reply(*make_subject("bn")), {});
  frame("values", {{"format", "bncheck-reply"}, {"status", "values"}, {"num_batches_tracked", "1"}},
        {{"y", &data},
         {"saved_mean", &vector},
         {"saved_invstd", &vector},
         {"running_mean", &vector},
         {"running_var", &vector},
         {"dx", &data},
         {"dweight", &vector},
         {"dbias", &vector}});
  frame("error", {{"format", "bncheck-reply"}, {"status", "error one_value"}, {"message", "one value"}}, {});
  frame("outcome",
        {{"format", "bncheck-outcome"}, {"calls", "2"}, {"call.0", "values"}, {"call.1", "error no_forward"}},
        {{"call.0.y", &data}, {"call.0.running_mean", &vector}});
  frame("death", {{"format", "bncheck-outcome"}, {"calls", "0"}, {"death", "0"}, {"death.detail", "SIGSEGV"}},
        {});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: {} CORPUS\n", argv[0]);
    return 2;
  }
  const fs::path corpus = argv[1];
  write_cases(corpus / "fuzz_forward", forward_family(), 2);
  write_cases(corpus / "fuzz_backward", backward_family(), 2);
  write_cases(corpus / "fuzz_reject", reject_family(), 4);
  write_damaged(corpus / "fuzz_case_file");
  write_frames(corpus / "fuzz_frame");
  return 0;
}
