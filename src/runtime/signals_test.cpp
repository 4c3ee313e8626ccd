#include "runtime/signals.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "runtime/run_in_test.h"

namespace linnet::runtime {
namespace {

TEST(Signals, OneThatComesBeforeTheWaitIsNotLost) {
  boost::asio::io_context io;
  Signals signals(io.get_executor(), {SIGUSR1, SIGUSR2});
  ::kill(::getpid(), SIGUSR2);
  EXPECT_EQ(run_in_test(io, signals.next()), SIGUSR2);
  ::kill(::getpid(), SIGUSR1);
  EXPECT_EQ(run_in_test(io, signals.next()), SIGUSR1);
}

TEST(Signals, AWriteToAClosedPipeIsOnlyAnError) {
  ignore_failed_writes();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  EXPECT_LT(::write(ends[1], "x", 1), 0);
  ::close(ends[1]);
}

TEST(Signals, AWriteBeyondTheAllowedSizeOfAFileIsOnlyAnError) {
  ignore_failed_writes();
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const ssize_t written = ::pwrite(::fileno(file), "x", 1, 4096);
  const int error = errno;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(written, -1);
  EXPECT_EQ(error, EFBIG);
  std::fclose(file);
}

}  // namespace
}  // namespace linnet::runtime
