// One request as curl knows it: options in, status, headers and body out.
#pragma once

#include <functional>
#include <string>

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
  /// Called by the client when curl is done with it.
  void finish(CURLcode code);
  [[nodiscard]] bool finished() const { return finished_; }
  Result<Response> take_result();

 private:
  template <class Value>
  void set(CURLoption option, Value value);
  void set_body();
  void set_tls();
  void set_blob(CURLoption option, const std::string& pem);
  Error error() const;
  [[nodiscard]] bool was_sent() const;
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);

  const CurlLibrary& curl_;
  Request request_;
  CURL* easy_;
  curl_slist* headers_ = nullptr;
  char error_text_[CURL_ERROR_SIZE] = {};
  CURLcode bad_option_ = CURLE_OK;
  Response response_;
  std::size_t header_bytes_ = 0;
  bool too_large_ = false;
  bool finished_ = false;
  CURLcode code_ = CURLE_OK;
  std::function<void()> on_finish_;
};

}  // namespace linnet::net
