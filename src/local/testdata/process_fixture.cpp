// A small HTTP service that misbehaves on request; the tests of this folder supervise it. It
// answers every request with 200, or 503 when asked to, and closes.
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

extern char** environ;

namespace {

struct Options {
  int port = 0;
  bool fail_health = false;     // 503 always
  std::string fail_while_file;  // 503 while this file exists
  std::string exit_while_file;  // exits at once while this file exists
  long exit_after_ms = -1;
  long listen_after_ms = 0;
  int exit_code = 0;
  bool ignore_term = false;
  bool no_listen = false;
  long print_flood = 0;      // bytes on standard output before it serves
  std::string print;         // a line on standard error
  std::string report;        // writes its arguments, environment and descriptors there
  bool leave_child = false;  // a child in the same session keeps the port and ignores SIGTERM
};

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string key = argv[i];
    const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    if (key == "--port")
      o.port = std::atoi(value().c_str());
    else if (key == "--fail-health")
      o.fail_health = true;
    else if (key == "--fail-while-file")
      o.fail_while_file = value();
    else if (key == "--exit-while-file")
      o.exit_while_file = value();
    else if (key == "--exit-after-ms")
      o.exit_after_ms = std::atol(value().c_str());
    else if (key == "--listen-after-ms")
      o.listen_after_ms = std::atol(value().c_str());
    else if (key == "--exit-code")
      o.exit_code = std::atoi(value().c_str());
    else if (key == "--ignore-term")
      o.ignore_term = true;
    else if (key == "--no-listen")
      o.no_listen = true;
    else if (key == "--print-flood")
      o.print_flood = std::atol(value().c_str());
    else if (key == "--print")
      o.print = value();
    else if (key == "--report")
      o.report = value();
    else if (key == "--leave-child")
      o.leave_child = true;
  }
  return o;
}

void report(const std::string& path, int argc, char** argv) {
  std::FILE* out = std::fopen((path + ".new").c_str(), "we");
  if (out == nullptr) return;
  for (int i = 0; i < argc; ++i) std::fprintf(out, "argument %s\n", argv[i]);
  for (char** entry = environ; *entry != nullptr; ++entry) std::fprintf(out, "env %s\n", *entry);
  DIR* fds = ::opendir("/proc/self/fd");
  while (const dirent* entry = ::readdir(fds)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && fd != ::dirfd(fds) && fd != ::fileno(out))
      std::fprintf(out, "descriptor %d\n", fd);
  }
  ::closedir(fds);
  std::fprintf(out, "session %d\n", static_cast<int>(::getsid(0) == ::getpid()));
  sigset_t blocked;
  ::sigprocmask(SIG_BLOCK, nullptr, &blocked);
  std::fprintf(out, "term_blocked %d\n", ::sigismember(&blocked, SIGTERM));
  std::fprintf(out, "stdin_at_end %d\n", static_cast<int>(std::getchar() == EOF));
  char directory[4096];
  std::fprintf(out, "directory %s\n", ::getcwd(directory, sizeof directory));
  std::fclose(out);
  std::rename((path + ".new").c_str(), path.c_str());
}

int listen_on(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<unsigned short>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, 64) != 0) {
    std::perror("listen");
    std::exit(98);
  }
  return fd;
}

bool exists(const std::string& path) { return !path.empty() && ::access(path.c_str(), F_OK) == 0; }

void answer(int fd, bool well) {
  char request[4096];
  [[maybe_unused]] const ssize_t n = ::read(fd, request, sizeof request);
  const std::string text =
      well ? "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
           : "HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n";
  [[maybe_unused]] const ssize_t m = ::write(fd, text.data(), text.size());
  ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  const Options o = parse(argc, argv);
  const auto begun = std::chrono::steady_clock::now();
  const auto ran = [&] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 begun)
        .count();
  };
  if (o.ignore_term) ::signal(SIGTERM, SIG_IGN);
  if (!o.report.empty()) report(o.report, argc, argv);
  if (!o.print.empty()) std::fprintf(stderr, "%s\n", o.print.c_str());
  if (exists(o.exit_while_file)) return o.exit_code;
  const std::string line = std::string(99, 'x') + "\n";
  for (long done = 0; done < o.print_flood; done += 100)
    if (::write(1, line.data(), line.size()) < 0) break;
  int fd = -1;
  for (;;) {
    if (o.exit_after_ms >= 0 && ran() >= o.exit_after_ms) return o.exit_code;
    if (exists(o.exit_while_file)) return o.exit_code;
    if (fd < 0 && !o.no_listen && ran() >= o.listen_after_ms) {
      fd = listen_on(o.port);
      if (o.leave_child && ::fork() == 0) {
        ::signal(SIGTERM, SIG_IGN);
        for (;;) ::pause();
      }
    }
    pollfd waiting{fd, POLLIN, 0};
    if (::poll(&waiting, 1, 10) <= 0 || fd < 0) continue;
    const int client = ::accept(fd, nullptr, nullptr);
    if (client >= 0) answer(client, !o.fail_health && !exists(o.fail_while_file));
  }
}
