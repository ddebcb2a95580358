#!/usr/bin/env bash
# Builds the reference with Doxygen. A warning is an error.
#
#   tools/docs.sh [OUTPUT]        OUTPUT: a folder, out/docs unless given; open index.html in it
set -euo pipefail
cd "$(dirname "$0")/.."
output=${1:-out/docs}
mkdir -p "$output"
{
    cat docs/Doxyfile
    echo "OUTPUT_DIRECTORY = \"$output\""
} | doxygen -
[[ -s $output/index.html ]] || { echo "docs.sh: no page was made" >&2; exit 1; }
[[ -s $output/classrouse_1_1semaphore.html ]] || { echo "docs.sh: rouse.hpp is not in it" >&2; exit 1; }
# Each public function must have a page entry: an input filter that fails leaves Doxygen content with nothing.
python3 - "$output" <<'PYTHON'
import glob, re, sys
pages = "".join(open(f, encoding="utf-8").read() for f in glob.glob(sys.argv[1] + "/*_8h.html"))
names = set()
for header in glob.glob("include/rouse/*.h"):
    names |= set(re.findall(r"^(?:static inline|ROUSE_INLINE_) [\w *]*?\b(rouse_\w*[a-z])\(", open(header, encoding="utf-8").read(), re.M))
missing = sorted(n for n in names if f">{n}" not in pages and f"{n}()" not in pages)
if missing or len(names) < 40:
    sys.exit(f"docs.sh: {len(names)} functions, without an entry: {missing}")
entries = re.findall(r'<h2 class="memtitle">.*?</span>(rouse_\w+)\(\)</h2>.*?<div class="memdoc">(.*?)</div>', pages, re.S)
silent = sorted(name for name, text in entries if name in names and len(re.sub(r"<[^>]*>|\s", "", text)) < 20)
if silent or len(entries) < len(names):
    sys.exit(f"docs.sh: {len(entries)} entries; without a text: {silent}")
print(f"docs.sh: {len(names)} functions documented")
PYTHON
