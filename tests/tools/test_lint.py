#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tools/lint.py finds what it says it finds: each test plants one breach in an empty tree."""
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import lint  # noqa: E402

HEAD = "/* SPDX-License-Identifier: MIT */\n"
GUARDED = HEAD + "#ifndef A_H\n#define A_H\n%s\n#endif\n"


def rules(**files):
    """The rules that a tree of @files (path with __ for / and _dot_ for . = text) breaks."""
    with tempfile.TemporaryDirectory() as tree:
        for name, text in files.items():
            path = os.path.join(tree, name.replace("__", "/").replace("_dot_", "."))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        return [line.split(": ")[1] for line in lint.check_tree(tree)]


class LintTest(unittest.TestCase):
    def test_a_clean_tree_has_no_breach(self):
        self.assertEqual(rules(root__a_dot_c=HEAD + "int a;\n", root__a_dot_h=GUARDED % "int b;"), [])

    def test_inline_assembly_is_found_but_not_in_comments_and_texts(self):
        self.assertEqual(rules(root__a_dot_c=HEAD + '__asm__ volatile("nop");\n'), ["asm"])
        self.assertEqual(rules(root__a_dot_c=HEAD + 'char *s = "asm"; /* asm */\n'), [])
        self.assertEqual(rules(lib__x86__include__x86__insn_dot_h=GUARDED % "void a(void) { asm(\"\"); }"), [])

    def test_conditional_compilation_is_found_in_sources_only(self):
        self.assertEqual(rules(root__a_dot_c=HEAD + "#if X\n#endif\n"), ["conditional"] * 2)
        self.assertEqual(rules(root__a_dot_h=GUARDED % "#if X\n#endif"), [])

    def test_unfinished_work_is_found(self):
        self.assertEqual(rules(cmake__a_dot_cmake="# TO" + "DO: more\n"), ["unfinished"])

    def test_a_missing_licence_line_is_found(self):
        self.assertEqual(rules(root__a_dot_c="int a;\n"), ["licence"])

    def test_a_header_without_guard_is_found(self):
        self.assertEqual(rules(root__a_dot_h=HEAD + "int a;\n"), ["guard"])

    def test_two_headers_with_one_guard_are_found(self):
        self.assertEqual(rules(root__a_dot_h=GUARDED % "", root__b_dot_h=GUARDED % ""), ["guard"])

    def test_a_long_function_is_found(self):
        body = "    a();\n" * lint.FUNCTION_LINES
        function = HEAD + "void f(void)\n{\n%s}\n"
        self.assertEqual(rules(root__a_dot_c=function % body), [])
        self.assertEqual(rules(root__a_dot_c=function % (body + "    a();\n")), ["function-length"])

    def test_a_long_file_is_found(self):
        self.assertEqual(rules(root__a_dot_c=HEAD + "\n" * lint.FILE_LINES), ["file-length"])

    def test_core_may_not_see_a_backend(self):
        svm = {"hypervisor__virt__svm__svm_dot_h": GUARDED % ""}
        include = HEAD + '#include "virt/svm/svm.h"\n'
        for folder in ("core", "hcall", "synic", "emul", "mm"):
            self.assertEqual(rules(**{f"hypervisor__{folder}__a_dot_c": include}, **svm), ["layering"])
        self.assertEqual(rules(hypervisor__virt__svm__a_dot_c=include, **svm), [])

    def test_the_hypervisor_may_not_see_root(self):
        self.assertEqual(rules(hypervisor__core__a_dot_c=HEAD + '#include "io/gpt.h"\n',
                               root__io__gpt_dot_h=GUARDED % ""), ["layering"])

    def test_root_may_not_see_the_hypervisor(self):
        self.assertEqual(rules(root__a_dot_c=HEAD + '#include <core/vp.h>\n',
                               hypervisor__core__vp_dot_h=GUARDED % ""), ["layering"])


if __name__ == "__main__":
    unittest.main()
