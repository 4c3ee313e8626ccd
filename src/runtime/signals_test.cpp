#include "runtime/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

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
  ignore_broken_pipes();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  EXPECT_LT(::write(ends[1], "x", 1), 0);
  ::close(ends[1]);
}

}  // namespace
}  // namespace linnet::runtime
