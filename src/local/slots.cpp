#include "local/slots.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <set>

#include "core/decide.h"
#include "local/descriptor.h"
#include "local/small_file.h"

namespace linnet::local {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr int lowest_port = 10'000;  // below live the services that people number by hand
constexpr std::size_t most_slots = 4096;

using Ports = std::vector<std::uint16_t>;

std::string slots_file(const std::string& directory) { return directory + "/slots.json"; }

Result<Ports> ports_of(const json::object& object, std::string_view key, std::set<int>& seen) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_array()) return fail(Code::invalid, "no list '{}'", key);
  Ports ports;
  if (value->get_array().size() > most_slots) return fail(Code::invalid, "'{}' is too long", key);
  for (const json::value& entry : value->get_array()) {
    const std::int64_t* port = entry.if_int64();
    if (port == nullptr || *port < 1 || *port > 65535)
      return fail(Code::invalid, "'{}' has {}, which is no port", key, json::serialize(entry));
    if (!seen.insert(static_cast<int>(*port)).second)
      return fail(Code::invalid, "port {} stands there twice", *port);
    ports.push_back(static_cast<std::uint16_t>(*port));
  }
  return ports;
}

Result<Slots> parse(const std::string& text) {
  json::error_code bad;
  const json::value value = json::parse(text, bad);
  if (bad || !value.is_object()) return fail(Code::invalid, "it is no JSON object");
  std::set<int> seen;
  TRY(stable, ports_of(value.get_object(), "stable", seen));
  TRY(canary, ports_of(value.get_object(), "canary", seen));
  return Slots{std::move(stable), std::move(canary)};
}

std::string text_of(const Slots& slots) {
  json::object object;
  object["stable"] = json::value_from(slots.stable);
  object["canary"] = json::value_from(slots.canary);
  return json::serialize(object) + "\n";
}

// Ports that neighbours have for good, free at this moment or not, by the name of the release.
std::map<int, std::string> ports_of_others(const std::string& directory) {
  std::map<int, std::string> taken;
  std::error_code failed;
  const fs::path own = fs::weakly_canonical(directory, failed);
  for (const fs::directory_entry& entry : fs::directory_iterator(own.parent_path(), failed)) {
    if (entry.path() == own) continue;
    const Result<std::string> text = read_small_file(slots_file(entry.path().string()));
    if (!text) continue;
    const Result<Slots> slots = parse(*text);
    if (!slots) continue;  // that release reports it itself
    for (const Ports& ports : {slots->stable, slots->canary})
      for (const std::uint16_t port : ports) taken[port] = entry.path().filename().string();
  }
  return taken;
}

// The first port that the system may hand to outgoing connections: one of those may be gone just
// when an instance is to start.
int first_outgoing_port() {
  const Result<std::string> text = read_small_file("/proc/sys/net/ipv4/ip_local_port_range");
  int low = 0;
  if (!text || std::sscanf(text->c_str(), "%d", &low) != 1) return 32'768;
  return low >= lowest_port + 1000 ? low : 65'536;  // no room below: anywhere
}

// A different start for each release, so that two that are set up at once rarely meet.
std::uint32_t spread(const std::string& text) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return hash;
}

class Chooser {
 public:
  Chooser(const std::string& directory, const core::ProcessWorkload& spec, const Slots& kept)
      : others_(ports_of_others(directory)), first_port_(spec.first_port), end_(65'536) {
    for (const Ports& ports : {kept.stable, kept.canary}) mine_.insert(ports.begin(), ports.end());
    if (first_port_ != 0) {
      next_ = first_port_;
    } else {
      end_ = first_outgoing_port();
      const auto room = static_cast<std::uint32_t>(end_ - lowest_port);
      next_ = lowest_port + static_cast<int>(spread(directory) % room);
    }
    start_ = next_;
  }

  Result<void> extend(Ports& ports, std::size_t size) {
    while (ports.size() < size) {
      Result<std::uint16_t> port = first_port_ != 0 ? counted() : free();
      if (!port) return fail(std::move(port.error()));
      ports.push_back(*port);
    }
    return {};
  }

 private:
  // Asked for by number: a port that somebody uses now stays in the row, as it may be free later.
  Result<std::uint16_t> counted() {
    while (mine_.count(next_) != 0) ++next_;
    if (next_ > 65'535)
      return fail(Code::invalid,
                  "spec.workload.process.first_port {} leaves too little room below 65536 for the "
                  "instances: choose a lower one",
                  first_port_);
    if (const auto other = others_.find(next_); other != others_.end())
      return fail(Code::conflict,
                  "port {}, counted up from first_port {}, belongs to release '{}': choose another "
                  "first_port",
                  next_, first_port_, other->second);
    mine_.insert(next_);
    return static_cast<std::uint16_t>(next_++);
  }

  Result<std::uint16_t> free() {
    for (;;) {
      if (exhausted_)
        return fail(Code::unavailable,
                    "no free port on 127.0.0.1 between {} and {}: stop what uses them, or set "
                    "spec.workload.process.first_port",
                    lowest_port, end_ - 1);
      const int port = next_;
      next_ = port + 1 < end_ ? port + 1 : lowest_port;
      exhausted_ = next_ == start_;
      if (mine_.count(port) != 0 || others_.count(port) != 0) continue;
      if (!port_is_free(static_cast<std::uint16_t>(port))) continue;
      mine_.insert(port);
      return static_cast<std::uint16_t>(port);
    }
  }

  std::map<int, std::string> others_;
  std::set<int> mine_;
  int first_port_;
  int next_ = 0;
  int start_ = 0;
  int end_;
  bool exhausted_ = false;
};

}  // namespace

bool port_is_free(std::uint16_t port) {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return false;
  const int on = 1;  // connections in TIME_WAIT are no obstacle, a listener still is
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

Result<ChosenSlots> choose_slots(const std::string& directory, const core::ProcessWorkload& spec) {
  const std::string file = slots_file(directory);
  ChosenSlots chosen;
  const Result<std::string> text = read_small_file(file);
  if (!text && text.error().code != Code::not_found) return fail(text.error());
  if (text) {
    Result<Slots> saved = parse(*text);
    if (!saved)
      return fail(Code::invalid,
                  "{} is damaged: {}. It holds the ports that NGINX and running instances use; "
                  "restore it, or stop the instances and remove it, and new ports are chosen",
                  file, saved.error().message);
    chosen.slots = std::move(*saved);
  }
  const bool kept = text.has_value();
  if (kept && spec.first_port != 0 && !chosen.slots.stable.empty() &&
      chosen.slots.stable[0] != spec.first_port)
    chosen.note = fmt::format(
        "first_port {} is not used: the ports from {} on were chosen before and are kept; to "
        "change "
        "them, stop the instances and remove {}",
        spec.first_port, chosen.slots.stable[0], file);
  const Slots before = chosen.slots;
  const auto replicas = static_cast<std::size_t>(std::max(spec.replicas, 0));
  const int at_full = core::canary_replicas_for(Percent::whole(100), static_cast<int>(replicas));
  if (replicas + 1 > most_slots)
    return fail(Code::invalid, "{} replicas are more than {}", replicas, most_slots - 1);
  Chooser chooser(directory, spec, before);
  TRY_VOID(chooser.extend(chosen.slots.stable, replicas + 1));
  TRY_VOID(chooser.extend(chosen.slots.canary, static_cast<std::size_t>(at_full)));
  if (chosen.slots == before) return chosen;
  chosen.grown = kept;
  TRY_VOID(replace_file(file, text_of(chosen.slots), Sync::full));
  return chosen;
}

}  // namespace linnet::local
