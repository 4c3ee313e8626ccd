// The table of fields.cpp for others: as JSON Schema for editors and CI, and as the reference table
// of docs/spec.md. Both are committed, and a test keeps the committed text equal to this.
#pragma once

#include <string>

namespace linnet::spec {

/// JSON Schema (draft 2020-12) of one document. What needs several keys to be seen, such as growing
/// weights, only the reader finds.
std::string json_schema();

/// A Markdown table with one row a key.
std::string reference_markdown();

}  // namespace linnet::spec
