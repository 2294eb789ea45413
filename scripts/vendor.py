"""Copy the browser libraries that the pages load from node_modules/ into maps/web/vendor/.

Only the files named in FILES are copied, with a manifest of their hashes, so a page can load nothing that is
not listed here. A listed file that is missing, or a stylesheet that names a picture that is not listed, ends
the run with an error and leaves the old folder as it was.
"""

import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "node_modules"
TARGET = ROOT / "maps" / "web" / "vendor"

# package → files, each kept under vendor/PACKAGE/ with the path after the last "dist/"
FILES = {
    "leaflet": [
        "dist/leaflet.js",
        "dist/leaflet.css",
        "dist/images/layers.png",
        "dist/images/layers-2x.png",
        "dist/images/marker-icon.png",
        "dist/images/marker-icon-2x.png",
        "dist/images/marker-shadow.png",
        "LICENSE",
    ],
    "leaflet.markercluster": [
        "dist/leaflet.markercluster.js",
        "dist/MarkerCluster.css",
        "dist/MarkerCluster.Default.css",
        "MIT-LICENCE.txt",
    ],
    # folium's popups build their content with `$`; the slim build has all that they use.
    "jquery": ["dist/jquery.slim.min.js", "LICENSE.txt"],
}


def listed() -> dict[str, Path]:
    """Path below vendor/ → source, for every listed file; FileNotFoundError names all that are missing."""
    files = {
        f"{package}/{name.removeprefix('dist/')}": SOURCE / package / name
        for package, names in FILES.items()
        for name in names
    }
    missing = [str(path.relative_to(ROOT)) for path in files.values() if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"missing {', '.join(missing)}: run `npm ci --ignore-scripts`, or correct FILES in this script"
        )
    return files


def unlisted_references(files: dict[str, Path]) -> list[str]:
    """References in stylesheets, `url(…)`, to files that are not listed."""
    faults = []
    for name, path in files.items():
        if path.suffix != ".css":
            continue
        for reference in re.findall(r"url\(['\"]?([^'\")]+)['\"]?\)", path.read_text(encoding="utf-8")):
            if reference.startswith(("#", "data:")):
                continue
            wanted = (Path(name).parent / reference).as_posix()
            if wanted not in files:
                faults.append(f"{name} names {reference}, which is not listed")
    return faults


def copy(files: dict[str, Path]) -> dict[str, str]:
    """Fill vendor/ anew and write manifest.json; gives path → SHA-256 in hexadecimal."""
    draft = TARGET.with_name("vendor.new")
    shutil.rmtree(draft, ignore_errors=True)
    manifest = {}
    for name, path in sorted(files.items()):
        content = path.read_bytes()
        if path.suffix == ".js":
            # The source maps are not shipped, so a browser must not ask for them.
            content = re.sub(rb"\n?//# sourceMappingURL=\S+\s*\Z", b"\n", content)
        goal = draft / name
        goal.parent.mkdir(parents=True, exist_ok=True)
        goal.write_bytes(content)
        manifest[name] = hashlib.sha256(content).hexdigest()
    (draft / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(TARGET, ignore_errors=True)
    draft.rename(TARGET)
    return manifest


def main() -> int:
    """Copy, or say what is wrong and give 1."""
    try:
        files = listed()
    except FileNotFoundError as error:
        print(f"vendor: {error}", file=sys.stderr)
        return 1
    faults = unlisted_references(files)
    if faults:
        print("vendor: " + "; ".join(faults), file=sys.stderr)
        return 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    print(f"vendor: {len(copy(files))} files in {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
