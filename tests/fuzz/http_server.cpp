// The HTTP server, bytes as a stranger on its socket sends them: it answers in HTTP or closes, and
// what its handler is given keeps the promises of net/http.h.
#include "net/http_server.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "fuzz/fuzz.h"

using namespace linnet;

namespace {

Task<net::ServerResponse> echo(net::ServerRequest request) {
  CHECK(!request.method.empty() && request.target.starts_with("/"));
  CHECK(request.body.size() <= 4096);
  net::ServerResponse response;
  response.body = std::to_string(request.body.size());
  co_return response;
}

class Served {
 public:
  Served() : path_(fmt::format("/tmp/linnet-fuzz-{}.sock", ::getpid())) {
    net::ServerLimits limits;
    limits.header_bytes = 1024;
    limits.body_bytes = 4096;
    auto made = net::HttpServer::on_unix_socket(io_.get_executor(), path_, echo, limits);
    CHECK(made.has_value());
    server_ = std::move(*made);
    boost::asio::co_spawn(io_, server_->run(), boost::asio::detached);
  }
  ~Served() {
    server_->stop();
    io_.run();
    ::unlink((path_ + ".lock").c_str());
  }

  std::string answer(std::string_view bytes) {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(socket >= 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    CHECK(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    (void)::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    (void)::shutdown(socket, SHUT_WR);
    std::string all;
    for (bool open = true; open;) {
      CHECK(io_.run_one() > 0);
      char chunk[4096];
      ssize_t got = 0;
      while ((got = ::recv(socket, chunk, sizeof chunk, 0)) > 0)
        all.append(chunk, static_cast<std::size_t>(got));
      open = got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    ::close(socket);
    io_.poll();
    return all;
  }

 private:
  boost::asio::io_context io_;
  std::string path_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Served served;
  const std::string answer =
      served.answer({reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 60'000)});
  CHECK(answer.empty() || answer.starts_with("HTTP/1."));
  return 0;
}
