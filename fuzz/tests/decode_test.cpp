#include "decode.hpp"

#include <gtest/gtest.h>

#include "generate/cases.hpp"
#include "report/show_case.hpp"

namespace bncheck::fuzz {
namespace {

const Law* law_in(const Family& family, const std::string& name) {
  for (const Law* law : family.laws) {
    if (law->name == name) return law;
  }
  return nullptr;
}

Input drawn(const Law& law, std::uint64_t seed) {
  RandomDraws draws(seed, 20);
  const std::string subject = seed % 2 == 0 ? "bn" : "bn_functional";
  return {&law, subject, law.draw(draws, subject_named(subject).can())};
}

Bytes random_bytes(std::uint64_t seed, std::size_t size) {
  RandomDraws draws(seed);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(draws.bits(8));
  return bytes;
}

TEST(Decode, GivesBackWhatWasEncoded) {
  for (const Family* family : {&forward_family(), &backward_family()}) {
    for (const Law* law : family->laws) {
      for (std::uint64_t seed = 0; seed < 10; ++seed) {
        const Input input = drawn(*law, seed);
        const Input again = decode(*family, encode(input));
        EXPECT_EQ(again.law, input.law) << law->name;
        EXPECT_EQ(again.subject, input.subject);
        EXPECT_EQ(again.content, input.content) << law->name;
      }
    }
  }
}

TEST(Decode, UsesEveryInput) {
  for (const Family* family : {&forward_family(), &backward_family(), &reject_family()}) {
    for (std::size_t size = 0; size < 300; ++size) {
      const Input input = decode(*family, random_bytes(size, size));
      ASSERT_NE(input.law, nullptr);
      EXPECT_NE(law_in(*family, input.law->name), nullptr);
      EXPECT_TRUE(affordable(input.content)) << show_case(input.content);
      EXPECT_FALSE(input.content.calls.empty());
    }
  }
}

TEST(Decode, IsAFunctionOfTheBytes) {
  const Bytes bytes = random_bytes(7, 40);
  EXPECT_EQ(encode(decode(forward_family(), bytes)), encode(decode(forward_family(), bytes)));
}

TEST(Decode, ChoosesALawThatSpeaksOfACaseWithoutOne) {
  RandomDraws draws(3, 20);
  CaseFile file{draw_case(draws, subject_named("bn").can()), {}};
  const auto bytes_of = [&] {
    const std::vector<std::byte> bytes = write_archive(to_archive(file));
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    return Bytes(data, data + bytes.size());
  };
  EXPECT_EQ(decode(forward_family(), bytes_of()).law->name, "matches_oracle");
  std::get<Forward>(file.content.calls[0].operation).x.floats()[0] = HUGE_VALF;
  EXPECT_EQ(decode(forward_family(), bytes_of()).law->name, "non_finite_rule");
  file.content.config.eps = -1;
  EXPECT_EQ(decode(reject_family(), bytes_of()).law->name, "eps_rejected");
}

TEST(Affordable, RefusesWhatWouldTakeMemoryTimeOrAnotherSubject) {
  RandomDraws draws(5, 20);
  const Case base = draw_case(draws, subject_named("bn").can());
  ASSERT_TRUE(affordable(base));
  const auto refuses = [&](const std::function<void(Case&)>& change) {
    Case c = base;
    change(c);
    return !affordable(c);
  };
  EXPECT_TRUE(refuses([](Case& c) { c.calls.resize(17, c.calls[0]); }));
  EXPECT_TRUE(refuses([](Case& c) { c.config.num_features = 1 << 20; }));
  EXPECT_TRUE(refuses([](Case& c) { c.calls[0].exec.threads = 1000; }));
  EXPECT_TRUE(refuses([](Case& c) { std::get<Forward>(c.calls[0].operation).x.dtype = Dtype::f64; }));
  EXPECT_TRUE(refuses([](Case& c) {
    std::get<Forward>(c.calls[0].operation).x = Tensor{Dtype::f32, {1 << 20, 0, 1 << 20}, {}};
  }));
  EXPECT_TRUE(refuses([](Case& c) { c.state.bias = Tensor{Dtype::f16, {1}, std::vector<std::byte>(2)}; }));
}

}  // namespace
}  // namespace bncheck::fuzz
