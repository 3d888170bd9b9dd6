#include "bncheck/safetensors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "bncheck/files.hpp"
#include "damage.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

using testing::HasSubstr;

Archive small_archive() {
  Archive archive;
  archive.metadata = {{"format", "test"}, {"note", "quotes \" and \\ and \n and \xc3\xa9"}};
  archive.tensors["a"] = Tensor::of({2, 3}, std::vector<float>{1, -0.0f, 3, 4, 5, float_of(0x7fa12345)});
  archive.tensors["b"] = {Dtype::f16, {3}, std::vector<std::byte>(6, std::byte{7})};
  archive.tensors["c"] = {Dtype::f64, {1}, std::vector<std::byte>(8, std::byte{9})};
  archive.tensors["d"] = {Dtype::bf16, {0, 5}, {}};
  archive.tensors["e"] = {Dtype::f32, {}, std::vector<std::byte>(4, std::byte{1})};
  return archive;
}

TEST(Archive, ComesBackBitForBit) {
  const Archive archive = small_archive();
  const std::vector<std::byte> bytes = write_archive(archive);
  EXPECT_EQ(read_archive(bytes), archive);
  EXPECT_EQ(write_archive(read_archive(bytes)), bytes);
  EXPECT_EQ(read_archive(write_archive(Archive{})), Archive{});
  EXPECT_EQ(static_cast<std::size_t>(bytes[0]) % 8, 0u);
}

TEST(Archive, ATruncatedOneIsRefusedWhereverItEnds) {
  const std::vector<std::byte> bytes = write_archive(small_archive());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // A separate allocation, so that the sanitizer sees reads past its end.
    const std::vector<std::byte> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_NE(complaint([&] { read_archive(part); }), "accepted") << size;
  }
  std::vector<std::byte> longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_THAT(complaint([&] { read_archive(longer); }), HasSubstr("1 bytes"));
}

/// Whatever byte of the header is changed, reading ends in an archive or a FormatError.
TEST(Archive, AnyChangedByteIsReadOrRefused) {
  const std::vector<std::byte> bytes = write_archive(small_archive());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int value : {0x00, 0x22, 0x2c, 0x2d, 0x30, 0x39, 0x5b, 0x5d, 0x7b, 0x7d, 0x80, 0xff}) {
      std::vector<std::byte> damaged = bytes;
      damaged[at] = static_cast<std::byte>(value);
      complaint([&] { read_archive(damaged); });
    }
  }
}

TEST(Archive, HeaderLengthIsBounded) {
  std::vector<std::byte> bytes = write_archive(small_archive());
  for (std::size_t k = 0; k < 8; ++k) bytes[k] = std::byte{0xff};
  EXPECT_THAT(complaint([&] { read_archive(bytes); }),
              HasSubstr("the header claims 18446744073709551615 bytes"));
  bytes[7] = std::byte{0x7f};
  EXPECT_THAT(complaint([&] { read_archive(bytes); }),
              HasSubstr("the header claims 9223372036854775807 bytes"));
  const std::string blanks(max_header_bytes - 1, ' ');
  EXPECT_THAT(complaint("{}" + blanks), HasSubstr("the header claims"));
  EXPECT_EQ(complaint("{" + blanks.substr(1) + "}"), "accepted");
}

TEST(Archive, TheHeaderIsAnObjectOfObjects) {
  for (const char* header : {"", " ", "null", "[]", "7", "\"\"", "{", "{}x", "{\"a\":}", "{\"\xff\":1}"}) {
    EXPECT_EQ(complaint(header), "the header is not a JSON object") << header;
  }
  for (const char* entry : {"7", "null", "[]", "{}", R"({"dtype":"F32","shape":[1]})"}) {
    EXPECT_THAT(complaint(std::string(R"({"a":)") + entry + "}"), HasSubstr("tensor 'a'")) << entry;
  }
  EXPECT_THAT(complaint(R"({"__metadata__":7})"), HasSubstr("__metadata__"));
  EXPECT_THAT(complaint(R"({"__metadata__":{"k":7}})"), HasSubstr("metadata 'k' is not a string"));
  EXPECT_THAT(complaint(R"({"__metadata__":{"k":{"l":"m"}}})"), HasSubstr("metadata 'k' is not a string"));
}

TEST(Archive, ANameGivenTwiceIsRefused) {
  const std::string a = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  EXPECT_THAT(complaint("{" + a + "," + a + "}", 4), HasSubstr("'a'"));
  EXPECT_THAT(complaint(R"({"__metadata__":{"k":"1","k":"2"}})"), HasSubstr("'k'"));
}

TEST(Archive, DeepNestingIsRefused) {
  for (const std::size_t depth : {10u, 1000u, 1000000u}) {
    const std::string open(depth, '[');
    const std::string close(depth, ']');
    EXPECT_THAT(complaint("{\"a\":" + open), HasSubstr("nested more than 8 deep"));
    EXPECT_THAT(complaint("{\"a\":" + open + close + "}"), HasSubstr("nested more than 8 deep"));
    std::string objects;
    for (std::size_t k = 0; k < depth; ++k) objects += "{\"a\":";
    EXPECT_THAT(complaint(objects), HasSubstr("nested more than 8 deep"));
  }
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

TEST(Archive, DtypeShapeAndOffsetsAgree) {
  const std::string f32 = R"("F32")";
  EXPECT_EQ(complaint(entry(f32, "[2]", "[0,8]"), 8), "accepted");
  for (const char* dtype : {"\"I32\"", "\"f32\"", "7", "null", "[\"F32\"]"}) {
    EXPECT_THAT(complaint(entry(dtype, "[2]", "[0,8]"), 8), HasSubstr("tensor 'a' has dtype")) << dtype;
  }
  for (const char* shape :
       {"2", "null", "{}", "[3]", "[-2]", "[-1,-2]", "[2.0]", "[\"2\"]", "[4611686018427387904]", "[1e300]",
        "[4611686018427387904,4]", "[18446744073709551615]", "[9223372036854775807,2]",
        "[0,4611686018427387904,4611686018427387904]", "[18446744073709551618]", "[true]"}) {
    EXPECT_THAT(complaint(entry(f32, shape, "[0,8]"), 8), HasSubstr("tensor 'a'")) << shape;
  }
  std::string long_shape = "[2";
  for (int k = 0; k < 100; ++k) long_shape += ",1";
  EXPECT_THAT(complaint(entry(f32, long_shape + "]", "[0,8]"), 8), HasSubstr("tensor 'a'"));
  for (const char* offsets : {"[0,12]", "[0,4]", "[8,0]", "[-8,0]", "[0]", "[0,8,16]", "8", "null", "[0,8.0]",
                              "[0,\"8\"]", "[18446744073709551608,8]", "[0,18446744073709551615]",
                              "[4611686018427387904,4611686018427387912]"}) {
    EXPECT_THAT(complaint(entry(f32, "[2]", offsets), 8), HasSubstr("tensor 'a'")) << offsets;
  }
  // An empty shape must not have an extent that leaves int64 either.
  EXPECT_EQ(complaint(entry(f32, "[0,4611686018427387904]", "[0,0]")), "accepted");
}

std::string pair_entry(const std::string& first, const std::string& second) {
  return R"({"a":{"dtype":"F32","shape":[2],"data_offsets":)" + first +
         R"(},"b":{"dtype":"F32","shape":[2],"data_offsets":)" + second + "}}";
}

/// The format requires that every byte of data belongs to exactly one tensor.
TEST(Archive, TensorsNeitherOverlapNorLeaveHoles) {
  EXPECT_EQ(complaint(pair_entry("[0,8]", "[8,16]"), 16), "accepted");
  EXPECT_EQ(complaint(pair_entry("[8,16]", "[0,8]"), 16), "accepted");
  EXPECT_THAT(complaint(pair_entry("[0,8]", "[0,8]"), 8), HasSubstr("tensor 'b'"));
  EXPECT_THAT(complaint(pair_entry("[0,8]", "[4,12]"), 16), HasSubstr("tensor 'b'"));
  EXPECT_THAT(complaint(pair_entry("[4,12]", "[0,8]"), 16), HasSubstr("tensor 'a'"));
  EXPECT_THAT(complaint(pair_entry("[0,8]", "[12,20]"), 20), HasSubstr("tensor 'b'"));
  EXPECT_THAT(complaint(pair_entry("[0,8]", "[8,16]"), 20), HasSubstr("4 bytes"));
  EXPECT_THAT(complaint("{}", 1), HasSubstr("1 bytes"));
}

TEST(Archive, FilesAreReadAsTheyAreWritten) {
  const auto path =
      std::filesystem::path(testing::TempDir()) / ("bncheck_archive_" + std::to_string(::getpid()));
  save_archive(path, small_archive());
  EXPECT_EQ(read_file(path), write_archive(small_archive()));
  EXPECT_EQ(load_archive(path), small_archive());
  const std::vector<std::byte> bytes = write_archive(small_archive());
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{8}, bytes.size() - 1}) {
    write_file(path, std::span(bytes).first(size));
    EXPECT_EQ(complaint([&] { load_archive(path); }),
              complaint([&] { read_archive(std::span(bytes).first(size)); }));
  }
  std::filesystem::remove(path);
}

/// The end of a pipe shows only when it is reached.
TEST(Archive, PipesAreReadToo) {
  const auto path =
      std::filesystem::path(testing::TempDir()) / ("bncheck_pipe_" + std::to_string(::getpid()));
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const std::vector<std::byte> bytes = write_archive(small_archive());
  const auto piped = [&](std::span<const std::byte> content) {
    std::thread writer([&] { write_file(path, content); });
    const std::string said = complaint([&] { EXPECT_EQ(load_archive(path), small_archive()); });
    writer.join();
    return said;
  };
  EXPECT_EQ(piped(bytes), "accepted");
  EXPECT_THAT(piped(std::span(bytes).first(bytes.size() - 1)), HasSubstr("the data end within tensor"));
  std::vector<std::byte> longer = bytes;
  longer.emplace_back();
  EXPECT_THAT(piped(longer), HasSubstr("belong to none"));
  // Data that is announced but not sent is not allocated.
  EXPECT_THAT(
      piped(container(R"({"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}})", 8)),
      HasSubstr("the data end within tensor 'a'"));
  EXPECT_THAT(
      piped(container(R"({"a":{"dtype":"F32","shape":[2000000000],"data_offsets":[0,8000000000]}})", 8)),
      HasSubstr("that a pipe may give"));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace bncheck::test
