"""Each rule of the tidy test is shown one breach and one innocent neighbour of it."""

import pathlib
import tempfile
import unittest

import tidy

GOOD = "// What it is and why it is here.\n"


class TidyTest(unittest.TestCase):
    def breaches(self, rule, files):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            return [(str(path), line) for path, line, _ in
                    rule(tidy.find_sources(root), root)]

    def test_layers(self):
        self.assertEqual(self.breaches(tidy.layers, {
            "src/core/a.cpp": GOOD + '#include "core/b.h"\n#include "engine/loop.h"\n',
            "src/engine/b.cpp": '#include "core/a.h"\n',
            "src/nowhere/c.cpp": GOOD,
            "src/local/d_test.cpp": '#include "engine/loop.h"\n#include "cli/main.h"\n',
        }), [("src/core/a.cpp", 3), ("src/local/d_test.cpp", 2), ("src/nowhere/c.cpp", 1)])

    def test_no_adapter_knows_another(self):
        adapters = {"local", "prometheus", "kubernetes", "notify"}
        for adapter in adapters:
            self.assertFalse(tidy.LAYERS[adapter] & (adapters | {"engine", "cli", "api"}))

    def test_the_table_has_no_circle(self):
        done = set()
        for folder, allowed in tidy.LAYERS.items():
            self.assertLessEqual(allowed, done, folder)
            done.add(folder)

    def test_purity(self):
        self.assertEqual(self.breaches(tidy.purity, {
            "src/core/a.cpp": GOOD + "auto t = steady_clock::now();  // bad\n// steady_clock\n",
            "src/stats/b.h": "#include <boost/asio.hpp>\n#include <chrono>\n",
            "src/local/c.cpp": "#include <thread>\n",
            "src/stats/oracle.h": "#include <boost/math.hpp>\n",
            "src/stats/b_test.cpp": '#include "stats/oracle.h"\n',
        }), [("src/core/a.cpp", 2), ("src/stats/b.h", 1)])

    def test_boost_in_headers(self):
        self.assertEqual(self.breaches(tidy.boost_in_headers, {
            "src/local/a.h": "#include <boost/json.hpp>\n",
            "src/net/b.h": "#include <boost/x.hpp>\n",
            "src/local/a.cpp": "#include <boost/json.hpp>\n"}), [("src/local/a.h", 1)])

    def test_environment(self):
        self.assertEqual(self.breaches(tidy.environment, {
            "src/local/a.cpp": 'auto home = std::getenv("HOME");\n',
            "src/cli/b.cpp": 'auto home = std::getenv("HOME");\n'}), [("src/local/a.cpp", 1)])

    def test_line_length(self):
        text = "x" * 100 + "\n" + "y" * 101
        self.assertEqual(self.breaches(tidy.line_length, {"src/a.cpp": text}), [("src/a.cpp", 2)])

    def test_function_length(self):
        body = "  f();\n"
        self.assertEqual(self.breaches(tidy.function_length, {
            "src/core/a.cpp": "namespace {\nvoid f() {\n" + body * 88 + "}\n}\n",
            "src/core/b.cpp": "struct S {\n  S(int a) : a_{a}, b_(2) {\n" + body * 95 + "  }\n};\n",
            "src/core/c.cpp": "namespace a::b {\nint x = 3;\nTask<void> g(int a,\n    int b) {\n"
                              + body * 90 + "}\n}\n",
            "src/core/d.cpp": "const Row rows[] = {\n" + "  {1, f(2)},\n" * 200 + "};\n",
            "tests/e.py": "def f():\n" + "    g()\n" * 95,
        }), [("src/core/b.cpp", 2), ("src/core/c.cpp", 3), ("tests/e.py", 1)])

    def test_file_length(self):
        self.assertEqual(self.breaches(tidy.file_length, {
            "src/a/a.cpp": "\n" * 601, "src/a/b.cpp": "\n" * 600, "src/a/a_test.cpp": "\n" * 900}),
            [("src/a/a.cpp", 1)])

    def test_dead_files(self):
        self.assertEqual(self.breaches(tidy.dead_files, {
            "src/a/CMakeLists.txt": "linnet_library(a SOURCES used.cpp)",
            "src/a/used.cpp": '#include "a/used.h"\n', "src/a/used.h": "", "src/a/lost.cpp": "",
            "src/a/lost.h": ""}), [("src/a/lost.cpp", 1), ("src/a/lost.h", 1)])

    def test_openings(self):
        self.assertEqual(self.breaches(tidy.openings, {
            "src/a/a.h": GOOD, "src/a/a.cpp": '#include "a/a.h"\n', "src/a/b.cpp": "int x;\n",
            "src/a/c.cpp": "#include <map>\n", "tests/x.py": "import os\n"}),
            [("src/a/b.cpp", 1), ("src/a/c.cpp", 1), ("tests/x.py", 1)])

    def test_pragma_once(self):
        self.assertEqual(self.breaches(tidy.pragma_once, {
            "src/a/a.h": "#pragma once\n", "src/a/b.h": GOOD}), [("src/a/b.h", 1)])

    def test_sleeps(self):
        self.assertEqual(self.breaches(tidy.sleeps, {
            "src/a/a_test.cpp": "std::this_thread::sleep_for(1s);\n// this_thread::sleep_for\n",
            "src/a/a.cpp": "std::this_thread::sleep_for(1s);\n",
            "tests/b.py": "time.sleep(1)\n", "tests/c/run": "#!/bin/sh\nsleep 3\n"}),
            [("src/a/a_test.cpp", 1), ("tests/b.py", 1), ("tests/c/run", 2)])

    def test_words(self):
        self.assertEqual(self.breaches(tidy.words, {
            "src/a/a.cpp": "// TODO later\nclass RouterManager {\nint managers = 3;\n",
            "src/a/string_utils.h": GOOD}),
            [("src/a/a.cpp", 1), ("src/a/a.cpp", 2), ("src/a/string_utils.h", 1)])
