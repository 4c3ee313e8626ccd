#include "local/access_log_tail.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>
#include <optional>

namespace linnet::local {
namespace {

namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;

constexpr std::size_t slice_bytes = 1u << 20;  // then others on the same thread get their turn
constexpr auto linger =
    std::chrono::seconds(2);  // when the kernel cannot say whether writers remain
constexpr auto reopen_after =
    std::chrono::milliseconds(250);  // a rotator may be creating it just now
constexpr auto retry_after = std::chrono::seconds(5);

std::uint64_t inode_at(const std::string& path) {
  struct stat seen {};
  return ::stat(path.c_str(), &seen) == 0 ? seen.st_ino : 0;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

struct AccessLogTail::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& io, AccessLogTailOptions given)
      : options(std::move(given)), notify(io), timer(io) {}

  void begin() {
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) return;  // drain() at each turn of the engine still reads everything
    notify.assign(fd);
    ::inotify_add_watch(fd, folder_of(options.path).c_str(),
                        IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR);
    wait();
  }

  void open(const std::string& path, std::uint64_t offset) {
    auto opened = LogReader::open(path, offset);
    if (!opened) {
      trouble = opened.error();
      return;
    }
    trouble = {};
    reader = std::move(*opened);
    watch(path);
  }

  void watch(const std::string& path) {
    if (!notify.is_open()) return;
    if (file_watch >= 0) ::inotify_rm_watch(notify.native_handle(), file_watch);
    file_watch = ::inotify_add_watch(notify.native_handle(), path.c_str(),
                                     IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_ATTRIB);
  }

  void wait() {
    notify.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& error) {
                        if (error || self->stopped) return;
                        self->woken();
                      });
  }

  void woken() {
    alignas(inotify_event) char events[4096];
    // What happened does not matter: everything is looked at anew.
    while (::read(notify.native_handle(), events, sizeof events) > 0) {
    }
    step();
    if (!stopped) wait();
  }

  /// One slice; the next one after others on this thread had their turn.
  void step() {
    const auto more = drain(slice_bytes);
    if (stopped || !more || !*more) return;
    asio::post(notify.get_executor(), [self = shared_from_this()] {
      if (!self->stopped) self->step();
    });
  }

  /// Looks again later although nothing may happen until then.
  void look_again(Steady::duration pause) {
    if (timer_set) return;
    timer_set = true;
    timer.expires_after(pause);
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      self->timer_set = false;
      if (!error && !self->stopped) self->step();
    });
  }

  Result<bool> drain(std::size_t limit) {
    std::size_t total = 0;
    Result<bool> answer = true;
    while (total < limit) {
      if (!reader.is_open()) open(options.path, 0);
      if (!reader.is_open()) {
        if (trouble.code == Code::not_found) vanished();
        answer = fail(trouble);
        break;
      }
      auto got =
          reader.read(options.consume, std::numeric_limits<std::uint64_t>::max(), limit - total);
      if (!got) {
        answer = fail(std::move(got).error());
        break;
      }
      total += *got;
      if (*got == 0 && !move_on()) {
        answer = false;
        break;
      }
    }
    if (total > 0 && options.grown) options.grown();
    if (!stopped) put_aside();
    return answer;
  }

  /// At the end of what can be read: true when there is more to read somewhere else.
  bool move_on() {
    const auto size = reader.size();
    if (size && *size < reader.position().offset) {
      ++truncations;
      reader.seek(0);
      return *size > 0;
    }
    const std::uint64_t now = inode_at(options.path);
    if (now == 0) vanished();
    if (now == 0 || now == reader.position().inode) {
      successor_since.reset();
      return false;
    }
    if (!successor_since) successor_since = Steady::now();
    // Workers change over one after the other; the last lines of the slowest are still to come.
    if (!reader.has_no_writer() && Steady::now() - *successor_since < linger) {
      look_again(std::chrono::milliseconds(20));
      return false;
    }
    // Whoever wrote last may have done so between our read and the look at the writers.
    const auto last = reader.size();
    if (last && *last > reader.position().offset && !half_line_left(*last)) return true;
    successor_since.reset();
    follow_successor();
    return reader.is_open();
  }

  /// True when what is left at the end is a line that nobody will complete.
  bool half_line_left(std::uint64_t size) {
    if (half_line_at == size) return true;
    half_line_at = size;
    return false;
  }

  void follow_successor() {
    const auto files = log_files(options.path);
    const auto here = std::find_if(files.begin(), files.end(), [&](const LogFile& file) {
      return file.inode == reader.position().inode;
    });
    std::string next = options.path;
    if (here != files.end() && here + 1 != files.end()) next = (here + 1)->path;
    reader.close();
    half_line_at = 0;
    open(next, 0);
  }

  void vanished() {
    if (!options.reopen) return;
    const auto now = Steady::now();
    if (!vanished_since) vanished_since = now;
    if (now - *vanished_since < reopen_after) {
      look_again(reopen_after);
      return;
    }
    vanished_since.reset();
    // It may fail (NGINX is down): then it will create the file when it starts.
    if (options.reopen()) look_again(reopen_after);
  }

  void put_aside() {
    if (!options.reopen || !reader.is_open()) return;
    const auto here = reader.position();
    if (here.offset < options.rotate_bytes || inode_at(options.path) != here.inode) return;
    const auto now = Steady::now();
    if (last_try && now - *last_try < retry_after) return;
    last_try = now;
    const auto aside = aside_name(options.path, here.inode);
    if (::rename(options.path.c_str(), aside.c_str()) != 0) return;
    if (!options.reopen()) {
      // Nobody writes a new one; link() does not replace one that appeared meanwhile.
      if (::link(aside.c_str(), options.path.c_str()) == 0) ::unlink(aside.c_str());
      return;
    }
    last_try.reset();
    vanished_since.reset();
    limit_disk();
    look_again(std::chrono::milliseconds(20));
  }

  void limit_disk() {
    auto files = log_files(options.path);
    std::uint64_t sum = 0;
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
      if (!is_put_aside(options.path, file->path) || file->inode == reader.position().inode)
        continue;
      sum += file->size;
      if (sum > options.keep_bytes) ::unlink(file->path.c_str());
    }
  }

  AccessLogTailOptions options;
  asio::posix::stream_descriptor notify;
  asio::steady_timer timer;
  LogReader reader;
  Error trouble;
  int file_watch = -1;
  std::int64_t truncations = 0;
  std::uint64_t half_line_at = 0;
  bool timer_set = false;
  bool stopped = false;
  std::optional<Steady::time_point> successor_since, vanished_since, last_try;
};

AccessLogTail::AccessLogTail(asio::io_context& io, AccessLogTailOptions options)
    : impl_(std::make_shared<Impl>(io, std::move(options))) {
  impl_->begin();
  struct stat seen {};
  if (::stat(impl_->options.path.c_str(), &seen) == 0)
    impl_->open(impl_->options.path, static_cast<std::uint64_t>(seen.st_size));
}

AccessLogTail::~AccessLogTail() {
  impl_->stopped = true;
  boost::system::error_code ignored;
  impl_->notify.close(ignored);
  impl_->timer.cancel();
}

Result<bool> AccessLogTail::drain(std::size_t limit) { return impl_->drain(limit); }

LogPosition AccessLogTail::position() const { return impl_->reader.position(); }

std::int64_t AccessLogTail::truncations() const { return impl_->truncations; }

Result<AccessLogTail::Again> AccessLogTail::again(LogPosition& from, LogPosition to,
                                                  const ConsumeLines& consume,
                                                  std::size_t limit) const {
  Again answer;
  const auto files = log_files(impl_->options.path);
  const auto find = [&](std::uint64_t inode) {
    return std::find_if(files.begin(), files.end(),
                        [&](const LogFile& file) { return file.inode == inode; });
  };
  auto file = find(from.inode);
  if (file == files.end() || file->size < from.offset) {
    // Removed, or cut short and begun anew: what is left of it is younger than the cursor.
    answer.gap = true;
    if (file == files.end()) file = files.begin();
    if (file == files.end()) {
      from = to;
      answer.done = true;
      return answer;
    }
    from = {file->inode, 0};
  }
  const std::uint64_t end = from.inode == to.inode ? to.offset : file->size;
  auto reader = LogReader::open(file->path, from.offset);
  if (!reader) return fail(std::move(reader).error());
  TRY(used, reader->read(consume, end, limit));
  from.offset = reader->position().offset;
  if (from.inode == to.inode) {
    answer.done = used == 0 || from.offset >= to.offset;
    return answer;
  }
  if (used > 0 && from.offset < end) return answer;
  ++file;
  if (file == files.end()) {
    // The tail reads a file that was removed: only its own descriptor still leads there.
    answer.gap = true;
    answer.done = true;
    from = to;
  } else {
    from = {file->inode, 0};
  }
  return answer;
}

void AccessLogTail::release(LogPosition position) {
  const auto files = log_files(impl_->options.path);
  const auto keep = std::find_if(files.begin(), files.end(),
                                 [&](const LogFile& file) { return file.inode == position.inode; });
  if (keep == files.end()) return;
  for (auto file = files.begin(); file != keep; ++file)
    if (is_put_aside(impl_->options.path, file->path) &&
        file->inode != impl_->reader.position().inode)
      ::unlink(file->path.c_str());
}

}  // namespace linnet::local
