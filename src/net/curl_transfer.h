// One request as curl knows it: options in, status, headers and body out.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "net/curl.h"
#include "net/curl_library.h"

namespace linnet::net {

/// Does not move: curl keeps pointers into it.
class CurlTransfer {
 public:
  CurlTransfer(const CurlLibrary& curl, Request request);
  ~CurlTransfer();
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  /// Sets all options. Code::invalid: the request cannot be sent as it is.
  Result<void> prepare();
  [[nodiscard]] CURL* easy() const { return easy_; }
  void on_finish(std::function<void()> call) { on_finish_ = std::move(call); }
  /// Before prepare(): a 2xx body is kept until take_piece(), and `call` says when there is more.
  void stream(std::function<void()> call) { on_piece_ = std::move(call); }
  [[nodiscard]] bool head_is_good() const { return head_is_good_; }
  [[nodiscard]] std::string take_piece() { return std::exchange(piece_, {}); }
  /// Called by the client when curl is done with it.
  void finish(CURLcode code);
  [[nodiscard]] bool finished() const { return finished_; }
  Result<Response> take_result();
  /// What is known of the answer before it has ended.
  Response take_head();

 private:
  template <class Value>
  void set(CURLoption option, Value value);
  void set_body();
  void set_tls();
  Result<void> set_server_name();
  void set_blob(CURLoption option, const std::string& pem);
  Error error() const;
  [[nodiscard]] bool was_sent() const;
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_read(char* into, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  void end_of_head();

  const CurlLibrary& curl_;
  Request request_;
  CURL* easy_;
  curl_slist* headers_ = nullptr;
  curl_slist* connect_to_ = nullptr;
  std::size_t body_read_ = 0;
  char error_text_[CURL_ERROR_SIZE] = {};
  CURLcode bad_option_ = CURLE_OK;
  Response response_;
  std::size_t header_bytes_ = 0;
  bool too_large_ = false;
  bool finished_ = false;
  CURLcode code_ = CURLE_OK;
  std::function<void()> on_finish_;
  std::function<void()> on_piece_;
  bool head_is_good_ = false;
  std::string piece_;
};

}  // namespace linnet::net
