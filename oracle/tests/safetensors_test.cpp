#include "bncheck/safetensors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>

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
    // Its own allocation, so that reading past the end is seen by the sanitizer.
    const std::vector<std::byte> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_NE(complaint([&] { read_archive(part); }), "accepted") << size;
  }
  std::vector<std::byte> longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_THAT(complaint([&] { read_archive(longer); }), HasSubstr("1 bytes"));
}

/// No byte of the header can be changed so that reading ends in anything but an archive or a FormatError.
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
  // A shape that holds nothing must not have an extent that leaves int64 either.
  EXPECT_EQ(complaint(entry(f32, "[0,4611686018427387904]", "[0,0]")), "accepted");
}

std::string pair_entry(const std::string& first, const std::string& second) {
  return R"({"a":{"dtype":"F32","shape":[2],"data_offsets":)" + first +
         R"(},"b":{"dtype":"F32","shape":[2],"data_offsets":)" + second + "}}";
}

/// The format has every byte of data belong to exactly one tensor.
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

// ---- files

class Files : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("bncheck_files_" + std::to_string(::getpid()) +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& file : std::filesystem::directory_iterator(folder_))
      found.push_back(file.path().filename());
    return found;
  }
  /// The message of the failure to write there.
  static std::string failure(const std::filesystem::path& path) {
    try {
      write_file(path, bytes(100));
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "written";
  }
  static std::vector<std::byte> bytes(std::size_t size) {
    std::vector<std::byte> content(size);
    for (std::size_t k = 0; k < size; ++k) content[k] = static_cast<std::byte>(k * 7);
    return content;
  }
  std::filesystem::path folder_;
};

TEST_F(Files, ComeBack) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{65536}, std::size_t{65537}, std::size_t{300000}}) {
    write_file(folder_ / "x", bytes(size));
    EXPECT_EQ(read_file(folder_ / "x"), bytes(size));
  }
  EXPECT_EQ(names(), std::vector<std::string>{"x"});
}

TEST_F(Files, AFailedWriteLeavesNothingAndNamesTheFile) {
  const auto missing = folder_ / "no such folder" / "x";
  EXPECT_EQ(failure(missing), "cannot write '" + missing.string() + "': No such file or directory");
  std::filesystem::create_directory(folder_ / "d");
  EXPECT_THAT(failure(folder_ / "d"), HasSubstr((folder_ / "d").string()));
  std::filesystem::remove(folder_ / "d");
  write_file(folder_ / "x", bytes(3));
  EXPECT_THAT(failure(folder_ / "x" / "y"), HasSubstr("Not a directory"));
  EXPECT_THAT(failure(""), HasSubstr("cannot write ''"));
  EXPECT_EQ(names(), std::vector<std::string>{"x"});
  EXPECT_EQ(read_file(folder_ / "x"), bytes(3));
}

/// A device or a pipe is written to, not replaced by a file of its name.
TEST_F(Files, DevicesAreWrittenTo) {
  // A link in a folder of our own, so that a program that replaces what it is given replaces the link.
  const auto full = folder_ / "full";
  const auto null = folder_ / "null";
  std::filesystem::create_symlink("/dev/full", full);
  std::filesystem::create_symlink("/dev/null", null);
  if (!std::filesystem::is_character_file(full) || !std::filesystem::is_character_file(null)) {
    // A device that is always full is Linux's: elsewhere there is nothing to run this on.
    GTEST_SKIP() << "no /dev/full here";
  }
  EXPECT_EQ(failure(full), "cannot write '" + full.string() + "': No space left on device");
  EXPECT_EQ(failure(null), "written");
  EXPECT_TRUE(std::filesystem::is_symlink(full));
  EXPECT_TRUE(std::filesystem::is_symlink(null));
  EXPECT_EQ(names().size(), 2u);
}

TEST_F(Files, AFailedReadNamesTheFile) {
  const auto message = [](const std::filesystem::path& path) -> std::string {
    try {
      read_file(path);
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "read";
  };
  EXPECT_EQ(message(folder_ / "x"),
            "cannot read '" + (folder_ / "x").string() + "': No such file or directory");
  EXPECT_EQ(message(folder_), "cannot read '" + folder_.string() + "': Is a directory");
}

}  // namespace
}  // namespace bncheck::test
