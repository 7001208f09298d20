#!/usr/bin/env python3
"""Makes the Python package octolake_spark with liboctolake_spark.so inside, in three forms:

    OUT/package/octolake_spark/       as it is: a folder for PYTHONPATH
    OUT/octolake_spark-VERSION-py3-none-PLATFORM.whl      to install on workers
    OUT/octolake_spark.tar.gz         for spark-submit --archives octolake_spark.tar.gz#octolake_spark_package,
                                      with PYTHONPATH=octolake_spark_package on the executors

What the library links beside Arrow and the C and C++ libraries is put beside it. The same library gives the
same bytes.

usage: make_package.py [--library build/release/lib/liboctolake_spark.so] [--out build/spark] [--version VERSION]
"""

import argparse
import base64
import gzip
import hashlib
import io
import platform
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "spark" / "octolake_spark"
LIBRARY = "liboctolake_spark.so"
# What every worker has: the C and C++ libraries, and Arrow from pyarrow.
NOT_CARRIED = re.compile(r"(ld-linux.*|libc|libm|libpthread|libdl|librt|libstdc\+\+|libgcc_s|libarrow.*|libparquet)\.so\.\d+")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that zip knows


def needed(library):
    """Names of the shared libraries that one names itself."""
    listed = subprocess.run(["readelf", "--dynamic", library], capture_output=True, text=True, check=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.+)\]", listed)


def carried(library):
    """Paths of what has to lie beside the library."""
    resolved = subprocess.run(["ldd", library], capture_output=True, text=True, check=True).stdout
    paths = dict(re.findall(r"^\s*(\S+) => (/\S+)", resolved, re.M))
    return [Path(paths[name]) for name in needed(library) if not NOT_CARRIED.fullmatch(name)]


def project_version():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(r"project\(octolake VERSION (\S+)", text).group(1)


def make_folder(folder, library):
    shutil.rmtree(folder, ignore_errors=True)
    package = folder / "octolake_spark"
    shutil.copytree(SOURCES, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "lib").mkdir()
    for source in [library, *carried(library)]:
        shutil.copyfile(source, package / "lib" / source.name)
    licenses = package / "licenses"
    licenses.mkdir()
    shutil.copyfile(ROOT / "LICENSE", licenses / "octolake.txt")
    for source in carried(library):
        copy_license(source, licenses)


def copy_license(library, licenses):
    """Debian's, of the package that the library is of."""
    owner = subprocess.run(["dpkg", "-S", library.resolve()], capture_output=True, text=True, check=False).stdout
    package = owner.split(":")[0]
    text = Path("/usr/share/doc") / package / "copyright"
    if package and text.exists():
        shutil.copyfile(text, licenses / f"{package}.txt")


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def make_archive(folder, target):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in files_of(folder):
            entry = archive.gettarinfo(path, str(path.relative_to(folder)))
            entry.mtime = entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            with path.open("rb") as file:
                archive.addfile(entry, file)
    with target.open("wb") as out, gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as zipped:
        zipped.write(buffer.getvalue())


def make_wheel(folder, out, version):
    tag = f"py3-none-linux_{platform.machine()}"
    info = f"octolake_spark-{version}.dist-info"
    contents = {str(path.relative_to(folder)): path.read_bytes() for path in files_of(folder)}
    contents[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: octolake-spark\nVersion: {version}\n"
        "Summary: octolake's parsers for the tasks of Spark\nRequires-Python: >=3.11\n"
        "Requires-Dist: pyspark<4,>=3.5\nRequires-Dist: pyarrow==26.0.1\n").encode()
    contents[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: octolake\nRoot-Is-Purelib: false\nTag: {tag}\n").encode()
    record = "".join(f"{name},sha256={digest(data)},{len(data)}\n" for name, data in contents.items())
    contents[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    with zipfile.ZipFile(out / f"octolake_spark-{version}-{tag}.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            wheel.writestr(entry, data)


def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path, default=ROOT / "build/release/lib" / LIBRARY)
    parser.add_argument("--out", type=Path, default=ROOT / "build/spark")
    parser.add_argument("--version", default=project_version())
    options = parser.parse_args()
    if not options.library.exists():
        parser.error(f"no {options.library}; build it: deps/build.sh release octolake_spark")
    options.out.mkdir(parents=True, exist_ok=True)
    folder = options.out / "package"
    make_folder(folder, options.library)
    make_archive(folder, options.out / "octolake_spark.tar.gz")
    make_wheel(folder, options.out, options.version)
    print(options.out)


if __name__ == "__main__":
    main()
