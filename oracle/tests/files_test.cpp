#include "bncheck/files.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "bncheck/temporaries.hpp"

namespace bncheck::test {
namespace {

using testing::HasSubstr;

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
  /// Message of the failure to write there.
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
  // A link in the test's own folder: a program that replaces its target would replace the link.
  const auto full = folder_ / "full";
  const auto null = folder_ / "null";
  std::filesystem::create_symlink("/dev/full", full);
  std::filesystem::create_symlink("/dev/null", null);
  if (!std::filesystem::is_character_file(full) || !std::filesystem::is_character_file(null)) {
    // Only Linux has a device that is always full.
    GTEST_SKIP() << "no /dev/full here";
  }
  EXPECT_EQ(failure(full), "cannot write '" + full.string() + "': No space left on device");
  EXPECT_EQ(failure(null), "written");
  EXPECT_TRUE(std::filesystem::is_symlink(full));
  EXPECT_TRUE(std::filesystem::is_symlink(null));
  EXPECT_EQ(names().size(), 2u);
}

TEST_F(Files, OnlyAPipeThatNobodyReadsIsGivenUp) {
  const std::atomic<bool> given_up{true};
  const std::vector<std::byte> content(300'000, std::byte{7});
  write_file(folder_ / "regular", content, &given_up);
  EXPECT_EQ(read_file(folder_ / "regular"), content);
  const std::filesystem::path pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THROW(write_file(pipe, content, &given_up), std::runtime_error);
  std::vector<std::byte> got;
  std::thread reader([&] { got = read_file(pipe); });
  const std::atomic<bool> wanted{false};
  write_file(pipe, content, &wanted);
  reader.join();
  EXPECT_EQ(got, content);
  // With a reader present, everything is written.
  const int end = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(end, 0);
  EXPECT_THROW(write_file(pipe, content, &given_up), std::runtime_error);
  std::thread slow([&] { got = read_file(pipe); });
  write_file(pipe, content, &given_up);
  ::close(end);
  slow.join();
  EXPECT_GE(got.size(), content.size());
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

/// The target of a link is written and the link stays, also if the target does not exist yet.
TEST_F(Files, LinksAreFollowed) {
  std::filesystem::create_directory(folder_ / "d");
  std::filesystem::create_symlink("d/target", folder_ / "link");
  std::filesystem::create_symlink("link", folder_ / "link to link");
  for (const std::size_t size : {std::size_t{5}, std::size_t{9}}) {
    write_file(folder_ / "link to link", bytes(size));
    EXPECT_EQ(read_file(folder_ / "d" / "target"), bytes(size));
    EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "link"));
    EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "link to link"));
    EXPECT_FALSE(std::filesystem::is_symlink(folder_ / "d" / "target"));
  }
  std::filesystem::create_symlink("circle", folder_ / "circle");
  EXPECT_THAT(failure(folder_ / "circle"), HasSubstr((folder_ / "circle").string()));
  std::filesystem::create_symlink("nowhere/x", folder_ / "astray");
  EXPECT_THAT(failure(folder_ / "astray"), HasSubstr("No such file or directory"));
}

TEST_F(Files, PermissionsStay) {
  write_file(folder_ / "x", bytes(3));
  for (const mode_t mode : {mode_t{0600}, mode_t{0664}, mode_t{0755}}) {
    ASSERT_EQ(::chmod((folder_ / "x").c_str(), mode), 0);
    write_file(folder_ / "x", bytes(4));
    struct stat status{};
    ASSERT_EQ(::stat((folder_ / "x").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, mode);
  }
}

/// Open files have names in /proc/self/fd, which are links to their other names. Writing there continues at
/// the current position.
TEST_F(Files, OpenFilesAreWrittenTo) {
  const auto path = folder_ / "open";
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(descriptor, 0);
  ASSERT_EQ(::write(descriptor, "ab", 2), 2);
  struct stat before{}, after{};
  ASSERT_EQ(::fstat(descriptor, &before), 0);
  std::filesystem::create_symlink("/proc/self/fd/" + std::to_string(descriptor), folder_ / "link");
  const std::string cd = "cd", ef = "ef", all = "abcdefgh";
  write_file("/dev/fd/" + std::to_string(descriptor), std::as_bytes(std::span(cd)));
  write_file(folder_ / "link", std::as_bytes(std::span(ef)));
  ASSERT_EQ(::write(descriptor, "gh", 2), 2);
  ::close(descriptor);
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  const auto expected = std::as_bytes(std::span(all));
  EXPECT_EQ(read_file(path), std::vector<std::byte>(expected.begin(), expected.end()));
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "link"));
  EXPECT_THAT(failure("/dev/fd/" + std::to_string(descriptor)), HasSubstr("Bad file descriptor"));
}

TEST_F(Files, LongNamesAreWritten) {
  const auto path = folder_ / std::string(255, 'n');
  write_file(path, bytes(3));
  EXPECT_EQ(read_file(path), bytes(3));
}

TEST_F(Files, DevicesAreNotRead) {
  for (const char* name : {"/dev/zero", "/dev/null"}) {
    // Devices that never end and are always empty: a container may lack them.
    if (!std::filesystem::is_character_file(name)) GTEST_SKIP() << "no " << name << " here";
    EXPECT_THROW(read_file(name), std::runtime_error);
  }
}

/// Files in /proc say that they are empty.
TEST_F(Files, FilesThatDoNotKnowTheirSizeAreReadToTheirEnd) {
  // Only /proc has such files, and a container may lack it.
  if (!std::filesystem::exists("/proc/self/maps")) GTEST_SKIP() << "no /proc here";
  EXPECT_GT(read_file("/proc/self/maps").size(), 100u);
}

TEST_F(Files, TemporariesGoWithTheirObjectAndOnASignal) {
  const auto make = [&](const std::string& name) {
    write_file(folder_ / name, bytes(1));
    return folder_ / name;
  };
  {
    const Temporary file(make("a"));
    Temporary kept(make("b"));
    kept.release();
  }
  EXPECT_EQ(names(), std::vector<std::string>{"b"});
  std::filesystem::create_directory(folder_ / "d");
  for (int k = 0; k < 300; ++k) make("d/" + std::string(100, 'n') + std::to_string(k));
  const Temporary folder(folder_ / "d");
  const Temporary file(make("a"));
  const Temporary missing(folder_ / "missing");
  remove_temporaries();
  EXPECT_EQ(names(), std::vector<std::string>{"b"});
}

}  // namespace
}  // namespace bncheck::test
