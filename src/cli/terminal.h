// Where text goes: a terminal (colour, one live block that is redrawn) or a file or pipe (plain
// lines only). Everything a person reads passes through here, so control characters of strangers
// end here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace linnet::cli {

enum class Style { plain, bold, faint, green, yellow, red };

struct TerminalOptions {
  bool is_terminal = false;
  bool colour = false;
  bool unicode = false;  // the locale is UTF-8, and it is a terminal
  int width = 80;        // columns
  int height = 24;       // lines
};

class Terminal {
 public:
  Terminal(int fd, TerminalOptions options) : fd_(fd), options_(options) {}
  /// Erases the live block and gives the cursor back.
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  [[nodiscard]] const TerminalOptions& options() const { return options_; }
  [[nodiscard]] bool is_terminal() const { return options_.is_terminal; }

  /// A line that stays. On a terminal it appears above the live block.
  void line(std::string_view text);
  /// Text as it is, without a line feed; for documents and prompts. Ends the live block.
  void raw(std::string_view text);
  /// The same with one line end, whether the text has it or not.
  void document(std::string_view text);
  /// Replaces the live block; nothing happens where there is no terminal. Long lines are cut, and
  /// so is what does not fit on the screen.
  void live(std::vector<std::string> lines);
  void end_live();

  /// The text in lines that end between words (and not before "%") where the terminal would break
  /// them anywhere; all but the first begin with so many spaces. One line without a terminal.
  [[nodiscard]] std::vector<std::string> wrapped(std::string_view text, std::size_t indent) const;

  /// The text in a style, or as it is where there are no colours.
  [[nodiscard]] std::string styled(Style style, std::string_view text) const;

 private:
  [[nodiscard]] std::string erase_block() const;
  void draw(std::string text);

  int fd_;
  TerminalOptions options_;
  std::vector<std::string> block_;
  bool cursor_hidden_ = false;
};

/// What `fd` is, from the system and the environment (NO_COLOR, TERM, LC_ALL, LC_CTYPE, LANG).
TerminalOptions terminal_options(int fd);

/// Control characters and broken UTF-8 replaced by '?'; a string that came from elsewhere.
std::string printable(std::string_view text);
/// Columns that the text takes: escape sequences count nothing, a character of UTF-8 counts one.
std::size_t text_width(std::string_view text);
/// The first `width` columns of the text, escape sequences kept.
std::string cut_text(std::string_view text, std::size_t width);

/// Writes all of it, whatever signals come; gives up silently when nobody reads.
void write_all(int fd, std::string_view text);

}  // namespace linnet::cli
