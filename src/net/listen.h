// The listening sockets of the server, made with plain system calls: who may connect and who owns
// the socket file is decided here.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/result.h"

namespace linnet::net {

/// An open descriptor that is closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;

  [[nodiscard]] int get() const { return number_; }
  int release() noexcept;

 private:
  int number_ = -1;
};

/// A socket file that listens, and the lock that says so. Removes the file when it goes, if it is
/// still its own.
class UnixListener {
 public:
  /// See HttpServer::on_unix_socket.
  static Result<UnixListener> open(const std::string& path);
  ~UnixListener();
  UnixListener(UnixListener&&) noexcept = default;
  UnixListener& operator=(UnixListener&&) = delete;

  /// The listening descriptor, non-blocking; the caller closes it.
  int take_socket() { return socket_.release(); }
  void remove_file();

 private:
  UnixListener() = default;
  std::string path_;
  Descriptor lock_;
  Descriptor socket_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// Connects to a socket file without blocking for long. Code::unavailable: nobody listens there;
/// Code::denied; Code::invalid: the path is too long.
Result<Descriptor> connect_unix(const std::string& path);

}  // namespace linnet::net
