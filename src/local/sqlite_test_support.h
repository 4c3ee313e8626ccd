// What the tests of the SQLite store share: a folder that goes away, whole files as bytes, and
// tasks run to their end.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>

#include "contract/run_task.h"
#include "local/sqlite_store.h"

namespace linnet::local {

class Folder {
 public:
  Folder() {
    std::string name = testing::TempDir() + "linnet-store-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string file(const std::string& name = "linnet.db") const {
    return path_ + "/" + name;
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

template <class T>
T now(Task<T> task) {
  boost::asio::io_context context;
  return contract::run(context, std::move(task));
}

inline std::unique_ptr<SqliteStore> open_store(const std::string& path, Retention keep = {}) {
  auto store = SqliteStore::open(path, keep);
  EXPECT_TRUE(store) << store.error().message;
  return store ? std::move(*store) : nullptr;
}

/// The status of a child process that runs `body`; what body returns is its exit code.
inline int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/// The nth turn of a made-up rollout: everything in it says n.
inline Saving turn(std::int64_t n, std::int64_t answered = 0) {
  Saving out;
  out.status.notices = n;
  out.status.reason = std::to_string(n);
  out.status.phase = core::Stepping{.index = static_cast<int>(n)};
  out.at = WallTime{n};
  out.entries = {{"phase", "turn " + std::to_string(n)}};
  if (answered != 0) {
    core::Answer answer;
    answer.intent = answered;
    answer.accepted = true;
    out.answers.push_back(answer);
  }
  core::RolloutRecord record;
  record.rollout.id = "shop-" + std::to_string(n);
  out.finished = record;
  return out;
}

}  // namespace linnet::local
