// Tables, bars, numbers and times as people read them.
#include <gtest/gtest.h>
#include <unistd.h>

#include "cli/exit_code.h"
#include "cli/format.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/terminal.h"

namespace linnet::cli {
namespace {

using Lines = std::vector<std::string>;

TEST(Table, LinesUpColumnsAndEndsNoLineWithSpaces) {
  Table table({Align::left, Align::right, Align::left});
  table.row({"error_rate", "0.4 %", "pass"});
  table.row({"p95", "180 ms"});
  EXPECT_EQ(table.lines("  "), (Lines{"  error_rate   0.4 %  pass", "  p95         180 ms"}));
}

TEST(Table, LeavesOutAColumnThatNobodyFills) {
  Table table({Align::left, Align::left, Align::left});
  table.row({"a", "", "b"});
  EXPECT_EQ(table.lines(), Lines{"a  b"});
}

TEST(Table, CountsColumnsAndNotBytes) {
  Table table({Align::left, Align::left});
  table.row({"\x1b[32mü\x1b[0m", "x"});
  table.row({"ab", "y"});
  EXPECT_EQ(table.lines(), (Lines{"\x1b[32mü\x1b[0m   x", "ab  y"}));
}

TEST(Table, ASentenceMakesNoColumnWider) {
  Table table({Align::left, Align::left, Align::right, Align::left});
  table.row({"error_rate", "pass", "0.4 %", "x"});
  table.sentence({"health", "fail", "1 of 2 canary instances ready"});
  EXPECT_EQ(table.lines(), (Lines{"error_rate  pass  0.4 %  x",
                                  "health      fail  1 of 2 canary instances ready"}));
}

TEST(Bar, ShowsAtLeastOneMarkForSomethingAndIsFullOnlyAtTheEnd) {
  const TerminalOptions plain;
  EXPECT_EQ(bar(0, 12, plain), "[----------]");
  EXPECT_EQ(bar(0.001, 12, plain), "[#---------]");
  EXPECT_EQ(bar(0.5, 12, plain), "[#####-----]");
  EXPECT_EQ(bar(0.999, 12, plain), "[#########-]");
  EXPECT_EQ(bar(1, 12, plain), "[##########]");
}

TEST(Bar, SurvivesNumbersThatAreNone) {
  const TerminalOptions plain;
  EXPECT_EQ(bar(-3, 6, plain), "[----]");
  EXPECT_EQ(bar(7, 6, plain), "[####]");
  EXPECT_EQ(bar(0.0 / 0.0, 6, plain), "[----]");
  EXPECT_EQ(bar(0.5, 0, plain), "[-]");
}

TEST(Format, NumbersHaveNoTrailingZeros) {
  EXPECT_EQ(number_text(412), "412");
  EXPECT_EQ(number_text(0.4), "0.4");
  EXPECT_EQ(number_text(12.345), "12.35");
  EXPECT_EQ(number_text(-0.0001), "0");
  EXPECT_EQ(percent_text(0.1), "0.1 %");
  EXPECT_EQ(count_text(1, "request"), "1 request");
  EXPECT_EQ(count_text(0, "request"), "0 requests");
}

TEST(Format, TimesOfTheApiAreReadAndOthersAreNot) {
  const auto time = parse_time("2026-11-23T21:02:07.123Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(time->text(), "2026-11-23T21:02:07.123Z");
  EXPECT_TRUE(parse_time("2026-11-23T21:02:07Z"));
  for (const char* text : {"", "Z", "2026-11-23", "2026-13-23T21:02:07Z", "2026-11-23T21:02:07",
                           "2026-11-23T25:02:07Z", "aaaa-11-23T21:02:07Z", "-026-11-23T21:02:07Z"})
    EXPECT_FALSE(parse_time(text)) << text;
}

TEST(Format, SpansAreShort) {
  EXPECT_EQ(span_text(250ms), "250ms");
  EXPECT_EQ(span_text(12'400ms), "12s");
  EXPECT_EQ(span_text(65s), "1m5s");
  EXPECT_EQ(ago_text(90s), "1m ago");
  EXPECT_EQ(ago_text(72h), "3 days ago");
}

TEST(Printable, MakesControlCharactersAndBrokenTextHarmless) {
  EXPECT_EQ(printable("v1\x1b[2Jx\r"), "v1?[2Jx?");
  EXPECT_EQ(printable("a\nb\tc"), "a b c");
  EXPECT_EQ(printable("ü\xff\xc3"), "ü??");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m");
}

TEST(CutText, KeepsStylesAndCountsColumns) {
  EXPECT_EQ(cut_text("abcdef", 3), "abc");
  EXPECT_EQ(cut_text("\x1b[31müäö\x1b[0m", 2), "\x1b[31müä\x1b[0m");
  EXPECT_EQ(cut_text("ab", 5), "ab");
}

std::string written_by(const std::function<void(Terminal&)>& use, TerminalOptions options) {
  int fds[2];
  EXPECT_EQ(::pipe(fds), 0);
  {
    Terminal terminal(fds[1], options);
    use(terminal);
  }
  ::close(fds[1]);
  std::string text(65536, '\0');
  const ssize_t count = ::read(fds[0], text.data(), text.size());
  ::close(fds[0]);
  text.resize(static_cast<std::size_t>(count));
  return text;
}

TEST(Terminal, RedrawsItsBlockBelowTheLinesThatStayAndGivesTheCursorBack) {
  TerminalOptions options;
  options.is_terminal = true;
  options.width = 20;
  const std::string text = written_by(
      [](Terminal& terminal) {
        terminal.live({"one", "two"});
        terminal.line("stays");
      },
      options);
  EXPECT_EQ(text,
            "\x1b[?25lone\ntwo\n"
            "\x1b[2A\r\x1b[Jstays\none\ntwo\n"
            "\x1b[2A\r\x1b[J\x1b[?25h");
}

TEST(Terminal, ShowsNoMoreOfABlockThanTheScreenHolds) {
  TerminalOptions options;
  options.is_terminal = true;
  options.height = 3;
  const std::string text = written_by(
      [](Terminal& terminal) {
        terminal.live({"one", "two", "three", "four"});
      },
      options);
  EXPECT_EQ(text, "\x1b[?25lone\ntwo\n\x1b[2A\r\x1b[J\x1b[?25h");
}

TEST(Terminal, BreaksLongTextBetweenWordsAndOnlyOnATerminal) {
  TerminalOptions options;
  const std::string text = "one two \x1b[1mthree\x1b[0m four";
  EXPECT_EQ(Terminal(-1, options).wrapped(text, 2), Lines{text});
  options.is_terminal = true;
  options.width = 10;
  EXPECT_EQ(Terminal(-1, options).wrapped(text, 2),
            (Lines{"one two", "  \x1b[1mthree\x1b[0m", "  four"}));
  EXPECT_EQ(Terminal(-1, options).wrapped("averyverylongword x", 2),
            (Lines{"averyverylongword x"}));
  EXPECT_EQ(Terminal(-1, options).wrapped("", 2), Lines{""});
  EXPECT_EQ(Terminal(-1, options).wrapped("rate of 5 % and", 0), (Lines{"rate of", "5 % and"}));
}

TEST(Terminal, WithoutATerminalOnlyLinesAreWritten) {
  const std::string text = written_by(
      [](Terminal& terminal) {
        terminal.live({"one"});
        terminal.line(terminal.styled(Style::red, "stays"));
      },
      TerminalOptions{});
  EXPECT_EQ(text, "stays\n");
}

TEST(ExitCodes, FollowTheDocumentedTable) {
  EXPECT_EQ(exit_for(Code::invalid), Exit::invalid);
  EXPECT_EQ(exit_for(Code::conflict), Exit::busy);
  EXPECT_EQ(exit_for(Code::unavailable), Exit::unreachable);
  EXPECT_EQ(exit_for(Code::timed_out), Exit::unreachable);
  EXPECT_EQ(exit_for(Code::cancelled), Exit::interrupted);
  for (const Code code : {Code::invalid, Code::not_found, Code::denied, Code::internal})
    EXPECT_EQ(code_named(code_name(code)), code);
}

}  // namespace
}  // namespace linnet::cli
