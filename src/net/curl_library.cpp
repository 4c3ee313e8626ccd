// dlopen and dlsym, with an error that says what to install.
#include "net/curl_library.h"

#include <dlfcn.h>

namespace linnet::net {
namespace {

/// 7.71: blobs of certificates. Debian 11 has 7.74.
constexpr unsigned least_version = 0x074700;

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

bool find_all(void* library, CurlLibrary& curl) {
  return find(library, "curl_global_init", curl.global_init) &&
         find(library, "curl_version_info", curl.version_info) &&
         find(library, "curl_easy_init", curl.easy_init) &&
         find(library, "curl_easy_setopt", curl.easy_setopt) &&
         find(library, "curl_easy_getinfo", curl.easy_getinfo) &&
         find(library, "curl_easy_strerror", curl.easy_strerror) &&
         find(library, "curl_easy_cleanup", curl.easy_cleanup) &&
         find(library, "curl_slist_append", curl.slist_append) &&
         find(library, "curl_slist_free_all", curl.slist_free_all) &&
         find(library, "curl_multi_init", curl.multi_init) &&
         find(library, "curl_multi_setopt", curl.multi_setopt) &&
         find(library, "curl_multi_add_handle", curl.multi_add_handle) &&
         find(library, "curl_multi_remove_handle", curl.multi_remove_handle) &&
         find(library, "curl_multi_socket_action", curl.multi_socket_action) &&
         find(library, "curl_multi_info_read", curl.multi_info_read) &&
         find(library, "curl_multi_cleanup", curl.multi_cleanup);
}

}  // namespace

Result<CurlLibrary> CurlLibrary::open(const std::vector<std::string>& names) {
  void* library = nullptr;
  for (const std::string& name : names) {
    library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library != nullptr) break;
  }
  if (library == nullptr) {
    const char* why = ::dlerror();
    return fail(Code::unavailable,
                "opening libcurl, which calls to other hosts need: {}; install it with 'apt-get "
                "install libcurl4'",
                why == nullptr ? "no name given" : why);
  }
  CurlLibrary curl{};
  if (!find_all(library, curl) || curl.version_info(CURLVERSION_NOW)->version_num < least_version)
    return fail(Code::unavailable,
                "the libcurl found is older than 7.71: install a newer libcurl4");
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return fail(Code::internal, "libcurl refuses to start");
  return curl;
}

}  // namespace linnet::net
