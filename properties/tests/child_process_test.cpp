#include "subjects/foreign/child_process.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/subject.hpp"
#include "subjects/foreign/process_tree.hpp"

namespace bncheck {
namespace {

/// Replies to one request without reading it.
constexpr const char* reply = R"(printf 'bncheck1\010\000\000\000\000\000\000\000 content' >&4; )";

class ChildProcessTest : public testing::Test {
 protected:
  ~ChildProcessTest() override { std::filesystem::remove_all(folder_); }

  Keeper keeper_of(const std::string& script) const {
    return Keeper({"/bin/sh", "-c", "cd '" + folder_ + "'; " + script});
  }
  ChildProcess::Answer ask(ChildProcess& child) const {
    const std::map<std::string, std::string> metadata{{"key", "value"}};
    return child.exchange(OutgoingFrame(metadata, {}), std::chrono::minutes(1), 1000);
  }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  void wait_for(const std::string& name) const {
    while (!std::filesystem::exists(file(name))) std::this_thread::yield();
  }

 private:
  std::string folder_ = [] {
    std::string name = testing::TempDir() + "/bncheck_child_XXXXXX";
    return std::string(::mkdtemp(name.data()));
  }();
};

TEST_F(ChildProcessTest, ReplyIsTaken) {
  Keeper keeper = keeper_of(std::string(reply) + "cat <&3 >heard");
  {
    ChildProcess child(keeper, {});
    const ChildProcess::Answer answer = ask(child);
    EXPECT_EQ(std::get<std::vector<std::byte>>(answer).size(), 8U);
    EXPECT_FALSE(child.finish(std::chrono::minutes(1)));
  }
  EXPECT_GT(std::filesystem::file_size(file("heard")), frame_prefix_bytes);
}

TEST_F(ChildProcessTest, BytesThatComeLateBelongToTheReplyBefore) {
  Keeper keeper = keeper_of(std::string(reply) +
                            "while [ ! -e go ]; do :; done; printf done >&4; touch gone; exec cat <&3");
  ChildProcess child(keeper, {});
  ASSERT_TRUE(std::holds_alternative<std::vector<std::byte>>(ask(child)));
  std::ofstream(file("go")).close();
  wait_for("gone");
  const ChildProcess::Answer answer = ask(child);
  const Death& death = std::get<Death>(answer);
  EXPECT_EQ(death.cause, Death::Cause::protocol);
  EXPECT_THAT(death.detail, testing::StartsWith(
                                "4 bytes came before the request: they follow the reply to an earlier one"));
}

TEST_F(ChildProcessTest, EndAfterAReplyIsNotBlamedOnTheNextRequest) {
  Keeper keeper = keeper_of(std::string(reply) + "while [ ! -e go ]; do :; done; kill -SEGV $$");
  ChildProcess child(keeper, {});
  ASSERT_TRUE(std::holds_alternative<std::vector<std::byte>>(ask(child)));
  std::ofstream(file("go")).close();
  pollfd end{keeper.descriptor(), POLLIN, 0};
  ASSERT_EQ(::poll(&end, 1, -1), 1);
  const ChildProcess::Answer answer = ask(child);
  const Death& death = std::get<Death>(answer);
  EXPECT_EQ(death.cause, Death::Cause::signal);
  EXPECT_EQ(death.detail, "SIGSEGV, before the request came, after the reply to an earlier one");
}

TEST_F(ChildProcessTest, InterruptionEndsAnExchange) {
  std::atomic<bool> interrupted{false};
  ForeignLimits limits;
  limits.interrupted = &interrupted;
  Keeper keeper = keeper_of("touch started; exec tail -f /dev/null");
  ChildProcess child(keeper, limits);
  std::jthread user([&] {
    wait_for("started");
    interrupted = true;
  });
  EXPECT_THROW(ask(child), Interrupted);
  EXPECT_TRUE(child.is_gone());
  EXPECT_FALSE(keeper.runs());
}

TEST_F(ChildProcessTest, KeeperThatIsKilledHasASuccessor) {
  Keeper keeper = keeper_of("kill -KILL $PPID; exec tail -f /dev/null");
  for (int k = 0; k < 2; ++k) {
    ChildProcess child(keeper, {});
    const ChildProcess::Answer answer = ask(child);
    EXPECT_EQ(std::get<Death>(answer).detail, "closed its replies");
  }
}

TEST(ProcessTree, KnowsChildrenAndTheirChildren) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::fork() == 0 && ::write(pipe_ends[1], "x", 1) != 1) ::_exit(1);
    while (true) ::pause();
  }
  char there = 0;
  ASSERT_EQ(::read(pipe_ends[0], &there, 1), 1);
  const std::vector<ProcessEntry> found = descendants_of(::getpid());
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].pid, child);
  EXPECT_EQ(found[0].parent, ::getpid());
  EXPECT_EQ(found[1].parent, child);
  EXPECT_GT(found[0].resident, 0U);
  for (const ProcessEntry& entry : found) ::kill(entry.pid, SIGKILL);
  ::waitpid(child, nullptr, 0);
  for (const int end : pipe_ends) ::close(end);
}

TEST(Keeper, SaysWhatCannotBeStarted) {
  Keeper keeper({"/nowhere/program"});
  const int nothing = ::open("/dev/null", O_RDWR);
  EXPECT_THROW(
      try {
        keeper.start({nothing, nothing, nothing, nothing, nothing});
      } catch (const SubjectUnavailable& error) {
        EXPECT_STREQ(error.what(), "cannot start '/nowhere/program': No such file or directory");
        throw;
      },
      SubjectUnavailable);
  ::close(nothing);
}

}  // namespace
}  // namespace bncheck
