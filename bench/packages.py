"""How large is what is deployed: the zips, the layer, and each dependency's share of it.

python -m bench.packages
"""

from bench.harness import Report
from infra.package import app_zip, workers_zip
from infra.runtimes import DEFAULT
from layers.build import build_layer, shares

MOST_ZIP_BYTES = 1_950_000
MOST_LAYER_BYTES = 60_000_000  # unpacked


def main() -> int:
    zip_bytes = workers_zip(DEFAULT).path.stat().st_size
    layer = build_layer()
    sizes = shares(layer)
    report = Report("packages", "What is deployed", ("package", "MB"))
    report.add(package="workers.zip", MB=zip_bytes / 1e6)
    report.add(package="app.zip", MB=app_zip(DEFAULT).path.stat().st_size / 1e6)
    report.add(package="layer.zip", MB=layer.path.stat().st_size / 1e6)
    report.add(package="layer, unpacked", MB=sizes.total() / 1e6)
    for name, size_bytes in sizes.most_common(12):
        report.add(package=f"· {name}", MB=size_bytes / 1e6)
    report.remark(f"for {DEFAULT}, with bytecode; nothing is left to the runtime")
    report.expect(f"workers.zip ≤ {MOST_ZIP_BYTES / 1000:.0f} KB: {zip_bytes / 1000:.0f}",
                  met=zip_bytes <= MOST_ZIP_BYTES)  # fmt: skip
    report.expect(f"layer ≤ {MOST_LAYER_BYTES / 1e6:.0f} MB unpacked: {sizes.total() / 1e6:.1f}",
                  met=sizes.total() <= MOST_LAYER_BYTES)  # fmt: skip
    return report.publish()


if __name__ == "__main__":
    raise SystemExit(main())
