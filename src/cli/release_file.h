// Which release a command is about: from the spec file, or by its name.
#pragma once

#include <string>

#include "base/result.h"
#include "core/release.h"
#include "kubernetes/exec_plugin.h"
#include "recipes/library.h"

namespace linnet::cli {

struct ReleaseFile {
  std::string file;  // as given, for messages
  std::string text;  // YAML of the one release only
  core::Release release;
  // Of a spec that the cluster keeps; beside a file the recipes are files.
  recipes::OwnRecipes own;
  std::optional<kubernetes::PluginCredentials> login;  // that was needed to read it
  // Of a spec that the cluster keeps: where it was found. Empty: in the context's namespace.
  std::string name_space{};
};

/// The file to read: --spec, else $LINNET_SPEC, else "linnet.yaml" (both may be empty).
std::string spec_file(const std::string& option, const char* environment);

/// All releases of a file; every mistake, a line each, is in the error. Code::not_found: no file.
Result<std::vector<core::Release>> read_release_file(const std::string& file);

/// The one that is meant: `name` picks among several. The text is written anew with all defaults,
/// so that what the daemon keeps does not depend on what else stands in the file.
Result<ReleaseFile> read_release(const std::string& file, const std::string& name);

/// The whole text of a file of at most `limit` bytes; "-" is standard input.
Result<std::string> read_text_file(const std::string& file, std::size_t limit);

}  // namespace linnet::cli
