#!/usr/bin/env python3
"""The house rules as a test (ARCHITECTURE.md, CONTRIBUTING.md): who may include whom, what pure
code may not touch, lengths, dead files, words that hide bad habits. `tests/tidy/tidy.py [FOLDER]`
prints each breach as file:line and ends with `tidy: N passed, N failed`, a check being one rule."""

import ast
import pathlib
import re
import subprocess
import sys
import unittest

# Which folders of src/ a folder may include, besides itself. In the order of the house: what stands
# further down may know what stands above, never the other way, and adapters not each other.
PURE = {
    "base": set(),
    "stats": {"base"},
    "core": {"base", "stats"},
    "spec": {"base", "core"},
    "recipes": {"base", "core", "spec"},
    "judge": {"base", "stats", "core"},
    "wire": {"base", "core"},
}
VALUES = set(PURE) - {"recipes", "judge"}
LAYERS = {
    **PURE,
    "async": {"base"},
    "ports": {"base", "core", "async"},
    "engine": {"base", "core", "spec", "async", "ports"},
    "runtime": {"base", "core", "spec", "async", "ports"},
    "net": {"base", "async", "runtime"},
    "local": VALUES | {"async", "ports", "net", "runtime"},
    "prometheus": VALUES | {"async", "ports", "net", "runtime", "recipes"},
    "kubernetes": VALUES | {"async", "ports", "net", "runtime", "recipes"},
    "notify": VALUES | {"async", "ports", "net", "runtime"},
    "api": VALUES | {"async", "ports", "net", "runtime", "engine"},
    "sim": VALUES | {"async", "ports", "engine"},
}
LAYERS["daemon"] = set(LAYERS) - {"sim", "kubernetes", "prometheus", "recipes"}
LAYERS["cluster"] = set(LAYERS) - {"sim", "local", "daemon"}
LAYERS["cli"] = set(LAYERS)

# These decide; they are given the time and what was seen, and ask nobody.
ASKS_NOBODY = ("base", "stats", "core", "spec", "recipes")
IMPURE = re.compile(
    r"<boost/|<thread>|<mutex>|<future>|<condition_variable>|<random>|<atomic>|<fstream>"
    r"|<unistd\.h>|<sys/|\bgetenv\b|\b(system|steady|high_resolution)_clock\b"
    r"|\bclock_gettime\b|\bgettimeofday\b|\brandom_device\b|\bs?rand\("
    r"|\btime\(\s*(nullptr|NULL|0)\s*\)")
# wire describes core's types to Boost.JSON: its headers are for the few files that use it.
# JSON is what recipes and the cluster's adapter are given and hand out.
BOOST_IN_HEADERS = ("async", "net", "runtime", "wire", "recipes", "kubernetes")
READS_ENVIRONMENT = ("runtime", "cli")
# A service inherits the daemon's environment; that is the one thing passed on unread.
HANDS_ENVIRONMENT_ON = "src/local/process_launch.cpp"
# async/task.h brings it along anyway.
FREE_WITH_TASK = "<boost/asio/any_io_executor.hpp>"

MAX_COLUMNS, MAX_FUNCTION, MAX_FILE = 100, 90, 600
BANNED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\w*(Manager|Helper|Utils?)\b(?=\s*[{:;(])|"
                    r"\bEXPECT_TRUE\(true\)|\bGTEST_SKIP\(\)(?! << \")")  # a skip tells why
SLEEPS = re.compile(r"\bthis_thread::sleep|\b(::)?u?sleep\(\d|\bnanosleep\b|\btime\.sleep\b|"
                    r"^\s*sleep \d")


class Source:
    """One file: its path below the root, its lines, and the lines without comments and strings."""

    def __init__(self, root, path):
        self.path = path
        self.text = (root / path).read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.splitlines()
        self.only_for_tests = False  # a header that only tests and benchmarks include
        self._code = None

    @property
    def folder(self):
        """The folder of src/ it is in ("core"), or nothing."""
        parts = self.path.parts
        return parts[1] if len(parts) > 2 and parts[0] == "src" else None

    @property
    def is_cpp(self):
        return self.path.suffix in (".cpp", ".h")

    @property
    def is_python(self):
        return self.path.suffix == ".py" or self.text.startswith("#!/usr/bin/env python3")

    @property
    def is_test(self):
        return (self.path.stem.endswith(("_test", "_test_support"))
                or self.path.parts[0] == "tests"
                or not {"testing", "testdata"}.isdisjoint(self.path.parts)
                or self.only_for_tests)

    @property
    def code(self):
        """C++ without comments; strings and character literals are emptied. Lines are kept."""
        if self._code is None:
            self._code = re.sub(
                r'R"(\w*)\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"'
                r"|(?<!\w)'(?:\\.|[^'\\\n])+'",
                lambda m: ('""' if m[0][0] in 'R"' else "") + "\n" * m[0].count("\n"), self.text,
                flags=re.S)
        return self._code

    def includes(self):
        for number, line in enumerate(self.lines, 1):
            found = re.match(r'\s*#\s*include\s*([<"][^>"]+[>"])', line)
            if found:
                yield number, found[1]


def find_sources(root):
    try:
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root,
                                check=True, capture_output=True, text=True)
        names = listed.stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    paths = sorted(pathlib.Path(name) for name in names)
    wanted = [path for path in paths if (root / path).is_file() and (
        path.suffix in (".cpp", ".h", ".py", ".sh") or path.name in ("dev", "run"))]
    sources = [Source(root, path) for path in wanted]
    users = {}
    for source in sources:
        for _, name in source.includes():
            users.setdefault(name[1:-1], []).append(source)
    for source in sources:
        found = users.get("/".join(source.path.parts[1:]), [])
        source.only_for_tests = bool(found) and all(
            user.is_test or user.path.parts[0] == "bench" for user in found)
    return sources


# --------------------------------------------------------------------------------------------------
# Rules: each yields (path, line, message).


def layers(sources, _root):
    """A folder includes only what LAYERS allows."""
    for source in sources:
        folder = source.folder
        if folder is None or not source.is_cpp:
            continue
        if folder not in LAYERS:
            yield source.path, 1, f"src/{folder} has no row in LAYERS"
            continue
        for number, name in source.includes():
            other = name[1:].split("/")[0]
            if name[0] != '"' or "/" not in name or other == folder:
                continue
            # Tests bring real parts along; only the top stays out of their reach.
            allowed = ({*LAYERS, "contract"} - {"cli"}) if source.is_test else LAYERS[folder]
            if other not in allowed:
                yield source.path, number, f"src/{folder} may not include {name}"


def purity(sources, _root):
    """What decides sees no clock, thread, socket, environment, random source or Boost."""
    for source in sources:
        if source.folder not in ASKS_NOBODY or source.is_test:
            continue
        code = source.code.splitlines()
        for number, line in enumerate(source.lines, 1):
            shown = line if line.lstrip().startswith("#") else code[number - 1]
            found = IMPURE.search(shown)
            # A spec or recipe may be read from a file; the other files are values.
            read = found and found[0] == "<fstream>" and source.folder in ("spec", "recipes")
            # JSON is a value too.
            json = found and source.folder == "recipes" and "<boost/json/" in line
            if found and not read and not json:
                yield source.path, number, f"{found[0]} in src/{source.folder}"


def boost_in_headers(sources, _root):
    """Boost costs seconds of compile time: in headers only where coroutines begin."""
    for source in sources:
        if source.path.suffix != ".h" or source.folder in (None, *BOOST_IN_HEADERS):
            continue
        for number, name in source.includes():
            if name.startswith("<boost/") and name != FREE_WITH_TASK and not source.is_test:
                yield source.path, number, f"{name} in a header of src/{source.folder}"


def environment(sources, _root):
    """Everything is passed in: only the outermost folders read the environment."""
    for source in sources:
        if source.folder in (None, *READS_ENVIRONMENT) or source.is_test:
            continue
        if str(source.path) == HANDS_ENVIRONMENT_ON:
            continue
        for number, line in enumerate(source.code.splitlines(), 1):
            if re.search(r"\b(secure_)?getenv\b|\benviron\b", line):
                yield source.path, number, "reads the environment"


def line_length(sources, _root):
    """100 columns; a raw string is a document of its own and may be longer."""
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            if len(line) > MAX_COLUMNS and 'R"(' not in line:
                yield source.path, number, f"{len(line)} columns"


def cpp_functions(code):
    """(line, length) of each function of C++ `code` that holds neither comments nor strings."""
    kinds, begins = [], []
    header, line, line_of_header = "", 1, 1
    for letter in code:
        if letter == "\n":
            line += 1
        if letter == "{":
            if "function" in kinds or "table" in kinds:
                kinds.append("block")
            elif re.search(r"\)[^()]*:[^:].*[\w>]\s*$", header, re.S) or re.search(
                    r"[,:]\s*\w+\s*$", header) and "(" in header:
                kinds.append("initializer")  # of a member, before a constructor's body
            elif re.search(r"=\s*$", header) or "=" in header.split("(")[0]:
                kinds.append("table")
            elif "(" in header or kinds[-1:] == ["initialized"]:
                kinds.append("function")
            else:
                kinds.append("scope")
            begins.append(line_of_header if kinds[-1] == "function" else line)
            if kinds[-1] != "initializer":
                header = ""
        elif letter == "}" and kinds:
            kind, begin = kinds.pop(), begins.pop()
            if kind == "function":
                yield begin, line - begin + 1
            if kind != "initializer":
                header = ""
        elif letter == ";" and "function" not in kinds:
            header = ""
        elif not header and letter.isspace():
            continue
        else:
            if not header:
                line_of_header = line
            if kinds[-1:] != ["initializer"]:
                header += letter


def function_length(sources, _root):
    """Functions are read at one look: about 70 lines, 90 at most."""
    for source in sources:
        if source.is_cpp:
            code = "\n".join("" if line.lstrip().startswith("#") else line
                             for line in source.code.splitlines())
            for number, length in cpp_functions(code):
                if length > MAX_FUNCTION:
                    yield source.path, number, f"a function of {length} lines"
        elif source.is_python:
            for node in ast.walk(ast.parse(source.text)):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    length = node.end_lineno - node.lineno + 1
                    if length > MAX_FUNCTION:
                        yield source.path, node.lineno, f"{node.name} has {length} lines"


def file_length(sources, _root):
    """A file has one subject: 600 lines at most, tests excepted."""
    for source in sources:
        if len(source.lines) > MAX_FILE and not source.is_test:
            yield source.path, 1, f"{len(source.lines)} lines"


def dead_files(sources, root):
    """Every .cpp is built, every header is included by somebody."""
    lists = "\n".join(path.read_text() for path in root.rglob("CMakeLists.txt")
                      if "build" not in path.relative_to(root).parts)
    built = set(re.findall(r"[\w./-]+", lists))
    included = {name[1:-1] for source in sources for _, name in source.includes()}
    for source in sources:
        if source.path.suffix == ".cpp":
            stem = source.path.stem
            if source.path.name not in built and stem not in built and not any(
                    name.endswith("/" + source.path.name) for name in built):
                yield source.path, 1, "in no CMakeLists.txt"
        elif source.path.suffix == ".h":
            path = str(source.path)
            if not any(path == name or path.endswith("/" + name) for name in included):
                yield source.path, 1, "included by nobody"


def openings(sources, _root):
    """A file opens with what it is and why it is here; a .cpp may leave that to its header."""
    for source in sources:
        lines = [line for line in source.lines[:4] if not line.startswith("#!")]
        first = lines[0] if lines else ""
        if source.is_cpp:
            own = source.path.with_suffix(".h")
            beside = any(other.path == own for other in sources)
            if not first.startswith("//") and not (beside and first.startswith("#include \"")):
                if not (source.path.stem.endswith("_test") and first.startswith("#include \"")):
                    yield source.path, 1, "says neither what it is nor why it is here"
        elif source.lines and not first.startswith(("#", '"""', 'r"""')):
            yield source.path, 1, "says neither what it is nor why it is here"


def pragma_once(sources, _root):
    """Headers guard themselves."""
    for source in sources:
        if source.path.suffix == ".h" and "#pragma once" not in source.lines:
            yield source.path, 1, "no #pragma once"


def sleeps(sources, _root):
    """A test waits for a condition with a deadline; it never lets time pass."""
    for source in sources:
        if not source.is_test or source.path.parts[:2] == ("tests", "tidy"):
            continue
        lines = source.code.splitlines() if source.is_cpp else source.lines
        for number, line in enumerate(lines, 1):
            if SLEEPS.search(line):
                yield source.path, number, "sleeps"


def words(sources, _root):
    """Unfinished places, names that say nothing, checks that cannot fail."""
    for source in sources:
        if source.path.parts[:2] == ("tests", "tidy"):
            continue
        # Comments count for unfinished places, so the text as it is.
        for number, line in enumerate(source.lines, 1):
            found = BANNED.search(line)
            if found:
                yield source.path, number, f"'{found[0]}'"
        if re.search(r"(^|_)(utils?|helpers?|manager|misc)$", source.path.stem):
            yield source.path, 1, "a name that says nothing"


def marks_and_guards(sources, root):
    """Each mark and each guard of the tables in src/base stands somewhere in the product."""
    code = "\n".join(source.text for source in sources
                     if source.folder not in (None, "base") and not source.is_test)
    for name, table, use in (("mark", "MARKS_TABLE", "MARK"),
                             ("mutant", "GUARDS", "(?:STOPS|NEEDS)")):
        path = pathlib.Path("src/base") / f"{name}.h"
        if not (root / path).exists():
            continue
        text = (root / path).read_text()
        listed = re.search(rf"#define LINNET_{table}\(X\)(.*?)\n\n", text, re.S)
        for word in re.findall(r"X\(\s*\\?\s*(\w+)\s*\)", listed[1] if listed else ""):
            if not re.search(rf"LINNET_{use}\(\s*{word}\b", code):
                yield path, 1, f"{word} stands nowhere in the product"


RULES = (layers, purity, boost_in_headers, environment, line_length, function_length, file_length,
         dead_files, openings, pragma_once, sleeps, words, marks_and_guards)


def check(root):
    """(passed, failed) over all rules; prints the breaches."""
    sources, failed = find_sources(root), 0
    for rule in RULES:
        breaches = list(rule(sources, root))
        failed += bool(breaches)
        for path, number, message in breaches:
            print(f"{path}:{number}: {rule.__name__}: {message}")
    return len(RULES) - failed, failed


def main():
    here = pathlib.Path(__file__).resolve()
    root = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else here.parents[2]
    passed, failed = check(root)
    # Each rule is tried on a breach of it: a rule that cannot fail checks nothing.
    suite = unittest.defaultTestLoader.discover(str(here.parent), "*_test.py")
    result = unittest.TextTestRunner(sys.stdout, verbosity=0).run(suite)
    wrong = len(result.failures) + len(result.errors)
    passed, failed = passed + result.testsRun - wrong, failed + wrong
    print(f"tidy: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
