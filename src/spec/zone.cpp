#include "spec/zone.h"

#include <algorithm>
#include <chrono>

namespace linnet::spec {

// The grammar of POSIX TZ, with RFC 8536's wider range of hours.
class TzRuleParser {
 public:
  explicit TzRuleParser(std::string_view text) : text_(text) {}

  bool parse(TzRule& rule) {
    if (!name(rule.standard_.abbreviation) || !offset(rule.standard_.offset_s)) return false;
    if (text_.empty()) return true;
    LocalType summer;
    if (!name(summer.abbreviation)) return false;
    summer.offset_s = rule.standard_.offset_s + 3600;
    if (!text_.empty() && text_[0] != ',' && !offset(summer.offset_s)) return false;
    rule.summer_ = summer;
    return eat(',') && change(rule.begin_) && eat(',') && change(rule.end_) && text_.empty();
  }

 private:
  bool eat(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool number(int most, int& value) {
    std::size_t digits = 0;
    value = 0;
    while (digits < text_.size() && digits < 3 && text_[digits] >= '0' && text_[digits] <= '9')
      value = value * 10 + (text_[digits++] - '0');
    text_.remove_prefix(digits);
    return digits > 0 && value <= most;
  }

  bool name(std::string& out) {
    const bool quoted = eat('<');
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto allowed = [&](char c) {
      return letter(c) || (quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-'));
    };
    const auto end = std::find_if_not(text_.begin(), text_.end(), allowed);
    out.assign(text_.begin(), end);
    text_.remove_prefix(out.size());
    return out.size() >= 3 && out.size() <= 16 && (!quoted || eat('>'));
  }

  bool clock(std::int32_t& seconds) {
    const bool negative = eat('-');
    if (!negative) eat('+');
    int hours = 0, minutes = 0, rest = 0;
    if (!number(167, hours)) return false;
    if (eat(':') && !number(59, minutes)) return false;
    if (eat(':') && !number(59, rest)) return false;
    seconds = (hours * 60 + minutes) * 60 + rest;
    if (negative) seconds = -seconds;
    return true;
  }

  // POSIX counts west of Greenwich as positive.
  bool offset(std::int32_t& seconds) {
    if (!clock(seconds)) return false;
    seconds = -seconds;
    return true;
  }

  bool change(TzRule::Change& out) {
    using Form = TzRule::Change::Form;
    bool good = false;
    if (eat('M')) {
      out.form = Form::month_week_day;
      good = number(12, out.month) && eat('.') && number(5, out.week) && eat('.') &&
             number(6, out.day) && out.month >= 1 && out.week >= 1;
    } else if (eat('J')) {
      out.form = Form::julian_without_leap_day;
      good = number(365, out.day) && out.day >= 1;
    } else {
      out.form = Form::day_of_year;
      good = number(365, out.day);
    }
    return good && (!eat('/') || clock(out.time_s));
  }

  std::string_view text_;
};

Result<TzRule> TzRule::parse(std::string_view text) {
  TzRule rule;
  if (!TzRuleParser(text).parse(rule))
    return fail(Code::invalid, "'{}' is not a time zone rule", text.substr(0, 80));
  return rule;
}

std::int64_t TzRule::Change::local_s(int year) const {
  using namespace std::chrono;
  const std::chrono::year y(year);
  sys_days date;
  if (form == Form::month_week_day) {
    const auto m = std::chrono::month(static_cast<unsigned>(month));
    const weekday wanted(static_cast<unsigned>(day));
    date = week == 5 ? sys_days(y / m / wanted[last])
                     : sys_days(y / m / wanted[static_cast<unsigned>(week)]);
  } else {
    date = sys_days(y / January / 1) + days(day);
    if (form == Form::julian_without_leap_day && !(y.is_leap() && day >= 60)) date -= days(1);
  }
  return duration_cast<seconds>(date.time_since_epoch()).count() + time_s;
}

const LocalType& TzRule::at(std::int64_t utc_s) const {
  if (!summer_) return standard_;
  using namespace std::chrono;
  const sys_seconds local{seconds(utc_s + standard_.offset_s)};
  const int year = static_cast<int>(year_month_day(floor<days>(local)).year());
  const std::int64_t begin = begin_.local_s(year) - standard_.offset_s;
  const std::int64_t end = end_.local_s(year) - summer_->offset_s;
  const bool summer = begin < end ? utc_s >= begin && utc_s < end  // north of the equator
                                  : utc_s >= begin || utc_s < end;
  return summer ? *summer_ : standard_;
}

namespace {

// Reads big-endian numbers; `good` turns false at the end of the bytes and stays so.
struct Bytes {
  std::string_view rest;
  bool good = true;

  std::string_view take(std::size_t count) {
    if (count > rest.size()) {
      good = false;
      return {};
    }
    const std::string_view out = rest.substr(0, count);
    rest.remove_prefix(count);
    return out;
  }
  std::int64_t number(std::size_t width) {
    std::uint64_t value = 0;
    for (char c : take(width)) value = value << 8 | static_cast<unsigned char>(c);
    if (width == 4) return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
    return static_cast<std::int64_t>(value);
  }
};

struct Header {
  char version = 0;
  std::size_t utc_flags = 0, std_flags = 0, leaps = 0, times = 0, types = 0, chars = 0;

  bool read(Bytes& bytes) {
    if (bytes.take(4) != "TZif") return false;
    const std::string_view version_byte = bytes.take(1);
    bytes.take(15);
    for (std::size_t* count : {&utc_flags, &std_flags, &leaps, &times, &types, &chars}) {
      const std::int64_t value = bytes.number(4);
      if (value < 0 || value > 100'000) return false;
      *count = static_cast<std::size_t>(value);
    }
    if (!bytes.good) return false;
    version = version_byte[0];
    return types >= 1 && types <= 256;
  }
  [[nodiscard]] std::size_t size(std::size_t width) const {
    return times * (width + 1) + types * 6 + chars + leaps * (width + 4) + std_flags + utc_flags;
  }
};

}  // namespace

Result<Zone> Zone::parse(std::string_view input) {
  const auto wrong = [] { return fail(Code::invalid, "this is not a time zone file (TZif)"); };
  Bytes bytes{input};
  Header header;
  if (!header.read(bytes)) return wrong();
  std::size_t width = 4;
  if (header.version >= '2') {  // the first block is for old readers
    bytes.take(header.size(4));
    if (!header.read(bytes)) return wrong();
    width = 8;
  }
  Zone zone;
  for (std::size_t i = 0; i < header.times && bytes.good; ++i)
    zone.transitions_.push_back(bytes.number(width));
  for (std::size_t i = 0; i < header.times && bytes.good; ++i) {
    const std::int64_t type = bytes.number(1);
    if (type >= static_cast<std::int64_t>(header.types)) return wrong();
    zone.type_after_.push_back(static_cast<std::uint8_t>(type));
  }
  zone.types_.clear();
  std::vector<std::size_t> names;
  for (std::size_t i = 0; i < header.types && bytes.good; ++i) {
    zone.types_.push_back({static_cast<std::int32_t>(bytes.number(4)), ""});
    bytes.take(1);
    names.push_back(static_cast<std::size_t>(bytes.number(1)));
  }
  const std::string_view chars = bytes.take(header.chars);
  bytes.take(header.leaps * (width + 4) + header.std_flags + header.utc_flags);
  if (!bytes.good || !std::is_sorted(zone.transitions_.begin(), zone.transitions_.end()))
    return wrong();
  constexpr std::int32_t widest = 26 * 3600;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] >= chars.size() || zone.types_[i].offset_s > widest ||
        zone.types_[i].offset_s < -widest)
      return wrong();
    const std::string_view name = chars.substr(names[i], chars.find('\0', names[i]) - names[i]);
    // It is shown to people: RFC 8536 allows letters, digits, '+' and '-'.
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
             c == '+' || c == '-';
    });
    if (!plain) return wrong();
    zone.types_[i].abbreviation = name;
  }
  if (width == 4) return zone;
  if (bytes.take(1) != "\n") return wrong();
  const std::size_t end = bytes.rest.find('\n');
  if (end == std::string_view::npos) return wrong();
  if (end == 0) return zone;
  TRY(rule, TzRule::parse(bytes.rest.substr(0, end)));
  zone.rule_ = std::move(rule);
  return zone;
}

const LocalType& Zone::at(std::int64_t utc_s) const {
  const auto after = std::upper_bound(transitions_.begin(), transitions_.end(), utc_s);
  if (after == transitions_.end() && rule_) return rule_->at(utc_s);
  if (after == transitions_.begin()) return types_[0];
  return types_[type_after_[static_cast<std::size_t>(after - transitions_.begin() - 1)]];
}

}  // namespace linnet::spec
