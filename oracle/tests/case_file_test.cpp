#include "bncheck/case_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <limits>

#include "bncheck/files.hpp"
#include "damage.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

using testing::HasSubstr;

/// One case that uses every field of the format.
CaseFile rich_file() {
  CaseFile file;
  Case& c = file.content;
  c.config = {2, 3, 0x1.4f8b588e368f1p-17, 0x1.999999999999ap-4, true, true, true};
  c.state = fresh_state(c.config);
  c.state.weight = vector_of({float_of(0x7fa12345), -0.0f, float_of(0xffffffff)});
  c.state.running_weight = vector_of({2.5f});
  c.state.num_batches_tracked = 41;
  Call call = forward(
      true, Tensor::of({1, 3, 2, 1}, std::vector<float>{1, -0.0f, 0x1p-149f, 4, float_of(0x7f800001), -6}));
  call.exec.x = {{0, 2, 3, 1}, {0, 1, 2, 4096}, 5};
  call.exec.y = {{3, 2, 1, 0}, {}, 0};
  call.exec.overlap = Overlap::in_place;
  call.exec.threads = 7;
  call.exec.rounding = Rounding::zero;
  call.exec.flush_to_zero = true;
  c.calls.push_back(call);
  c.calls.push_back({Backward{Tensor::filled({1, 3, 2, 1}, 2), true, false, true}, {}});
  c.calls.push_back({Backward{Tensor::filled({1, 3, 2, 1}, 2), false, false, false}, {}});
  c.calls.push_back({SetMomentum{-3.5}, {}});
  c.calls.push_back({SetMomentum{std::nullopt}, {}});
  State loaded;
  loaded.weight = Tensor::filled({4}, 1);
  loaded.running_var = Tensor{Dtype::f64, {1}, std::vector<std::byte>(8, std::byte{3})};
  loaded.num_batches_tracked = -9;
  c.calls.push_back({Load{loaded}, {}});
  c.calls.push_back(forward(false, Tensor{Dtype::f16, {0, 7}, {}}));
  file.notes = {{"law", "oracle_match"}, {"seed", "0x12"}, {"", "empty name"}};
  return file;
}

CaseFile round_trip(const CaseFile& file) {
  return case_from_bytes(write_archive(to_archive(file)));
}

TEST(CaseFile, ComesBackWithEveryField) {
  const CaseFile file = rich_file();
  EXPECT_EQ(round_trip(file), file);
  EXPECT_EQ(write_archive(to_archive(round_trip(file))), write_archive(to_archive(file)));
}

TEST(CaseFile, EveryExtremeOfTheConfigurationComesBack) {
  CaseFile file;
  for (int dimensions = 1; dimensions <= 3; ++dimensions) {
    for (const double number :
         {0.0, 0x1p-1074, -0x1.fffffffffffffp1023, 0.1, std::numeric_limits<double>::infinity()}) {
      for (const std::int64_t integer : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, INT64_MAX}) {
        const std::int64_t features = std::clamp<std::int64_t>(integer, -(1 << 24), 1 << 24);
        file.content.config = {dimensions,      features,        number,         -number,
                               dimensions == 1, dimensions == 2, dimensions == 2};
        file.content.state.num_batches_tracked = integer;
        ASSERT_EQ(round_trip(file), file);
      }
    }
  }
  file.content.config.momentum = std::nan("");
  file.content.config.eps = -0.0;
  const CaseFile back = round_trip(file);
  EXPECT_TRUE(std::isnan(*back.content.config.momentum));
  EXPECT_TRUE(std::signbit(back.content.config.eps));
}

TEST(CaseFile, NoLayerIsAllocatedByAWordAlone) {
  CaseFile file;
  file.content.config.num_features = (1 << 24) + 1;
  EXPECT_THROW(round_trip(file), FormatError);
}

TEST(CaseFile, EveryWordOfExecComesBack) {
  for (int overlap = 0; overlap <= static_cast<int>(Overlap::dx_and_x); ++overlap) {
    for (int rounding = 0; rounding <= static_cast<int>(Rounding::zero); ++rounding) {
      CaseFile file;
      Call call = forward(true, Tensor::filled({2, 1}, 1));
      call.exec.overlap = static_cast<Overlap>(overlap);
      call.exec.rounding = static_cast<Rounding>(rounding);
      file.content.calls.push_back(call);
      ASSERT_EQ(round_trip(file), file);
    }
  }
}

Call rich_backward(std::optional<bool> training, int wanted) {
  const Tensor dy = Tensor::of({1, 3, 2, 1}, std::vector<float>{1, -0.0f, 0x1p-149f, 4, -HUGE_VALF, 6});
  Call call{Backward{dy, (wanted & 1) != 0, (wanted & 2) != 0, (wanted & 4) != 0, training}, {}};
  call.exec.x = {{0, 2, 3, 1}, {0, 1, 2, 4096}, 5};
  call.exec.y = {{3, 2, 1, 0}, {1, 0, 0, 3}, 7};
  call.exec.overlap = Overlap::dx_and_x;
  return call;
}

TEST(CaseFile, EveryBackwardCallComesBack) {
  using Mode = std::optional<bool>;
  for (const Mode training : {Mode{}, Mode{true}, Mode{false}}) {
    for (int wanted = 0; wanted < 8; ++wanted) {
      CaseFile file;
      file.content.calls = {rich_backward(training, wanted)};
      ASSERT_EQ(round_trip(file), file);
    }
  }
}

/// The keys name the tensors: dy is read and dx is written.
TEST(CaseFile, PlacementsOfABackwardCallHaveKeysOfTheirOwn) {
  CaseFile file;
  file.content.calls = {rich_backward(true, 5)};
  const auto metadata = to_archive(file).metadata;
  const std::map<std::string, std::string> want{{"call.0", "backward training dx dbias"},
                                                {"call.0.dy.order", "0 2 3 1"},
                                                {"call.0.dy.gaps", "0 1 2 4096"},
                                                {"call.0.dy.offset", "5"},
                                                {"call.0.dx.order", "3 2 1 0"},
                                                {"call.0.dx.gaps", "1 0 0 3"},
                                                {"call.0.dx.offset", "7"},
                                                {"call.0.overlap", "dx_and_x"}};
  std::map<std::string, std::string> got;
  for (const auto& [key, value] : metadata) {
    if (key.starts_with("call.0")) got[key] = value;
  }
  EXPECT_EQ(got, want);
}

TEST(CaseFile, ATruncatedOneIsRefusedWhereverItEnds) {
  const std::vector<std::byte> bytes = write_archive(to_archive(rich_file()));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::vector<std::byte> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_NE(complaint([&] { case_from_bytes(part); }), "accepted") << size;
  }
}

TEST(CaseFile, AnyChangedByteIsReadOrRefused) {
  const std::vector<std::byte> bytes = write_archive(to_archive(rich_file()));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int value : {0x00, 0x20, 0x22, 0x2d, 0x30, 0x39, 0x78, 0xff}) {
      std::vector<std::byte> damaged = bytes;
      damaged[at] = static_cast<std::byte>(value);
      complaint([&] { case_from_bytes(damaged); });
    }
  }
}

std::string complaint_of(const Archive& archive) {
  return complaint([&] { case_from_archive(archive); });
}

/// Every key except notes either may be absent or is reported by name when it is missing, and a wrong value
/// is refused.
TEST(CaseFile, EveryKeyIsCheckedAndNamed) {
  const Archive good = to_archive(rich_file());
  const std::vector<std::string> required{"format",
                                          "version",
                                          "dimensions",
                                          "num_features",
                                          "eps",
                                          "momentum",
                                          "affine",
                                          "track_running_stats",
                                          "num_batches_tracked",
                                          "calls",
                                          "call.0",
                                          "call.5.num_batches_tracked"};
  for (const std::string& key : required) {
    Archive damaged = good;
    ASSERT_EQ(damaged.metadata.erase(key), 1u);
    EXPECT_EQ(complaint_of(damaged), "metadata '" + key + "' is missing");
  }
  for (const auto& [key, value] : good.metadata) {
    if (key.starts_with("note.")) continue;
    for (const char* nonsense : {"", "?", "1e", "99999999999999999999", "true false", "-", "0 0 0 0 0"}) {
      if ((key == "eps" || key == "momentum") && parse_double(nonsense)) continue;
      Archive damaged = good;
      damaged.metadata[key] = nonsense;
      const std::string message = complaint_of(damaged);
      // An empty list means the default.
      if (message == "accepted" && std::string(nonsense).empty() &&
          (key.ends_with(".order") || key.ends_with(".gaps")))
        continue;
      EXPECT_THAT(message, HasSubstr("'" + key + "'")) << nonsense;
      EXPECT_EQ(message.find('\n'), std::string::npos);
    }
  }
  for (const auto& [name, tensor] : good.tensors) {
    if (name != "call.0.x" && name != "call.1.dy" && name != "call.6.x") continue;
    Archive damaged = good;
    damaged.tensors.erase(name);
    EXPECT_EQ(complaint_of(damaged), "tensor '" + name + "' is missing");
  }
}

std::string complaint_with(const std::string& key, const std::string& value) {
  Archive archive = to_archive(rich_file());
  archive.metadata[key] = value;
  return complaint_of(archive);
}

TEST(CaseFile, NumbersStayInTheirRange) {
  for (const char* calls : {"-1", "4097", "4611686018427387904", "8"}) {
    EXPECT_THAT(complaint_with("calls", calls), HasSubstr("'call")) << calls;
  }
  for (const char* value : {"0", "4", "-1", "4294967297"}) {
    EXPECT_THAT(complaint_with("dimensions", value), HasSubstr("'dimensions'"));
  }
  for (const char* value : {"-1", "1025", "4294967303"}) {
    EXPECT_THAT(complaint_with("call.0.threads", value), HasSubstr("'call.0.threads'"));
  }
  EXPECT_THAT(complaint_with("version", "2"), HasSubstr("'version'"));
}

TEST(CaseFile, AffineSaysWhichParametersThereAre) {
  const std::map<std::string, std::pair<bool, bool>> words{
      {"true", {true, true}}, {"false", {false, false}}, {"weight", {true, false}}, {"bias", {false, true}}};
  for (const auto& [word, present] : words) {
    Archive archive = to_archive(rich_file());
    archive.metadata["affine"] = word;
    const CaseFile file = case_from_archive(archive);
    EXPECT_EQ(std::pair(file.content.config.weight, file.content.config.bias), present) << word;
    EXPECT_EQ(to_archive(file).metadata.at("affine"), word);
  }
  for (const char* word : {"", "True", "weight bias", "weight ", "none", "both", "1"}) {
    EXPECT_EQ(complaint_with("affine", word),
              "metadata 'affine' is '" + std::string(word) + "', expected true, false, weight or bias");
  }
}

TEST(CaseFile, CallsHaveNoWordTooMany) {
  for (const char* call :
       {"forward", "forward Training", "forward training 3", "backward dz", "backward sideways dx",
        "set_momentum", "set_momentum 1 2", "load it", "fly", " "}) {
    EXPECT_THAT(complaint_with("call.0", call), HasSubstr("'call.0'")) << call;
  }
}

TEST(CaseFile, PlacementsFitTheirTensor) {
  for (const char* order :
       {"0 1 2", "0 1 2 2", "0 1 2 4", "-1 0 1 2", "0 1 2 4294967299", "0 1 2 3 4", "0,1,2,3"}) {
    EXPECT_THAT(complaint_with("call.0.x.order", order), HasSubstr("'call.0.x.order'")) << order;
  }
  for (const char* gaps : {"0 0 0", "0 0 0 -1", "0 0 0 4097", "0 0 0 9223372036854775807", "1 1 1 1 1"}) {
    EXPECT_THAT(complaint_with("call.0.x.gaps", gaps), HasSubstr("'call.0.x.gaps'")) << gaps;
  }
  for (const char* offset : {"-1", "4097", "9223372036854775807"}) {
    EXPECT_THAT(complaint_with("call.0.x.offset", offset), HasSubstr("'call.0.x.offset'")) << offset;
  }
}

/// The memory for a placement is bounded by the size of the file. An empty tensor with a huge extent has no
/// strides.
TEST(CaseFile, PlacementsAskForLittleMemory) {
  CaseFile file;
  const std::int64_t absurd = std::int64_t{1} << 62;
  Call call = forward(true, Tensor{Dtype::f32, {0, absurd, 1}, {}});
  call.exec.x.gaps = {0, 0, 4096};
  file.content.calls.push_back(call);
  EXPECT_FALSE(fits(call.exec.x, {0, absurd, 1}));
  EXPECT_THAT(complaint_of(to_archive(file)), HasSubstr("'call.0.x.gaps'"));

  Shape shape(12, 2);
  Call wide = forward(true, Tensor::filled(shape, 1));
  wide.exec.x.gaps = Shape(12, 4096);
  file.content.calls = {wide};
  EXPECT_TRUE(fits(wide.exec.x, shape));
  EXPECT_THAT(complaint_of(to_archive(file)), HasSubstr("'call.0.x.gaps'"));
}

TEST(CaseFile, FilesAreNamedInErrors) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir());
  const auto path = folder / ("bncheck_case_" + std::to_string(::getpid()) + ".safetensors");
  const CaseFile file = rich_file();
  save_case(path, file);
  EXPECT_EQ(load_case(path), file);
  write_file(path, container("{}", 0));
  try {
    load_case(path);
    ADD_FAILURE() << "a file without metadata was accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), "'" + path.string() + "' is no case file: metadata 'format' is missing");
  }
  std::filesystem::remove(path);
}

TEST(Text, DoublesComeBackFromHexadecimal) {
  Random random(30);
  for (int k = 0; k < 20000; ++k) {
    const double value = std::bit_cast<double>(random.next());
    if (std::isnan(value)) continue;
    const auto back = parse_double(hexfloat(value));
    ASSERT_TRUE(back);
    ASSERT_EQ(std::bit_cast<std::uint64_t>(*back), std::bit_cast<std::uint64_t>(value));
  }
  EXPECT_EQ(hexfloat(3), "0x1.8p+1");
  EXPECT_EQ(hexfloat(-HUGE_VAL), "-inf");
  EXPECT_EQ(hexfloat(-std::nan("")), "nan");
  EXPECT_EQ(parse_double("1e-5"), 1e-5);
  for (const char* text : {"", " 1", "1 ", "1,5", "0x", "one", "--1"})
    EXPECT_EQ(parse_double(text), std::nullopt) << text;
  EXPECT_EQ(parse_double(std::string("1\0", 2)), std::nullopt);
  for (const char* text : {"", " 1", "1 ", "1.0", "9223372036854775808", "+1", "0x1"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_integer("-9223372036854775808"), INT64_MIN);
}

}  // namespace
}  // namespace bncheck::test
