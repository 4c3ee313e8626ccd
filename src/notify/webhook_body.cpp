// What is posted: a JSON object for programs, or Slack's message for people. Bounded, and safe
// against texts that hold markup or bytes that are no characters.
#include <boost/json.hpp>

#include "notify/webhook_notifier.h"
#include "wire/json.h"

namespace linnet::notify {
namespace {

namespace js = boost::json;

constexpr std::size_t max_body_bytes = 8 * 1024;
constexpr std::size_t max_text_bytes = 3000;  // Slack cuts at 4000 characters

/// At most `bytes` bytes, cut between characters, and marked.
std::string cut(std::string text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  std::size_t end = bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text + " ...";
}

/// Slack reads these three as markup.
std::string slack_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

/// "rolled_back" -> "rolled back".
std::string in_words(std::string event) {
  for (char& c : event)
    if (c == '_') c = ' ';
  return event;
}

std::string body_with(const core::Webhook& webhook, const std::string& release,
                      const core::Notice& notice, std::size_t text_bytes) {
  const std::string text = cut(notice.text, text_bytes);
  const std::string event = cut(notice.event, 64);
  const std::string rollout = cut(notice.rollout, 256);
  js::object body;
  if (webhook.format == core::Webhook::Format::slack) {
    std::string message = fmt::format("*{}* {}: {}", slack_escaped(release),
                                      in_words(slack_escaped(event)), slack_escaped(text));
    if (!rollout.empty()) message += fmt::format(" ({})", slack_escaped(rollout));
    body["text"] = message;
  } else {
    body["source"] = "linnet";
    body["id"] = notice.id;
    body["release"] = release;
    body["event"] = event;
    body["text"] = text;
    body["rollout"] = rollout;
    body["at"] = notice.at.text();
  }
  return wire::text(body);
}

}  // namespace

std::string webhook_body(const core::Webhook& webhook, const std::string& release,
                         const core::Notice& notice) {
  // Escapes make it longer, so the bound is checked on the result.
  std::size_t text_bytes = max_text_bytes;
  std::string body = body_with(webhook, release, notice, text_bytes);
  while (body.size() > max_body_bytes && text_bytes > 0) {
    text_bytes /= 2;
    body = body_with(webhook, release, notice, text_bytes);
  }
  return body;
}

}  // namespace linnet::notify
