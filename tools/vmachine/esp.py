# SPDX-License-Identifier: MIT
"""EFI system partitions: a GPT disk image with one FAT file system, made without root rights."""
import os
import subprocess

from . import child, gpt

MIB = 1 << 20
FAT_MIB_MIN = 40  # FAT32 needs 65,525 clusters
MODULES_MAX = 32  # CONFIG_MODULES_MAX of efi/config.h
MODULES = "EFI/verdigris/modules/"


def _mtools(*args):
    env = dict(os.environ, MTOOLS_SKIP_CHECK="1")
    subprocess.run(args, check=True, env=env, stdout=subprocess.DEVNULL)


def _fill(image, files):
    made = set()
    for target in sorted(files):
        folder = ""
        for part in target.split("/")[:-1]:
            folder += "/" + part
            if folder not in made:
                _mtools("mmd", "-i", image, "::" + folder)
                made.add(folder)
        _mtools("mcopy", "-i", image, "-m", files[target], "::/" + target)


def make(path, files, size_mib=None):
    """Make the disk image path; files maps paths on the volume ("EFI/BOOT/BOOTX64.EFI") to files
    of the host. ValueError: one of them is not there."""
    for source in files.values():
        if not os.path.isfile(source):
            raise ValueError(f"{source}: no such file")
    content = sum(os.path.getsize(f) for f in files.values())
    fat_mib = size_mib or max(FAT_MIB_MIN, content * 9 // 8 // MIB + 8)
    fat_sectors = fat_mib * MIB // gpt.SECTOR
    with open(path, "wb") as f:
        f.truncate((fat_mib + 2) * MIB)
    image = f"{path}@@{gpt.FIRST_USABLE * gpt.SECTOR}"
    _mtools("mformat", "-i", image, "-T", str(fat_sectors), "-F", "-v", "VERDIGRIS", "::")
    _fill(image, files)
    gpt.write(path, [gpt.Partition(gpt.FIRST_USABLE, gpt.FIRST_USABLE + fat_sectors - 1,
                                   "EFI system", gpt.TYPE_ESP)])


def loader_files(images, boot_cfg, modules=(), hypervisor=None, root=None):
    """The files of a volume that boots Verdigris: loader, hypervisor and root from the folder
    images (or the given files instead), boot_cfg as boot.cfg, and modules under modules/."""
    files = {"EFI/BOOT/BOOTX64.EFI": os.path.join(images, "hvloader.efi"),
             "EFI/verdigris/boot.cfg": boot_cfg}
    for name, override in (("hvax64.elf", hypervisor), ("hvix64.elf", None), ("root.elf", root)):
        source = override or os.path.join(images, name)
        if override or os.path.exists(source):
            files["EFI/verdigris/" + name] = source
    for module in modules:
        files[MODULES + os.path.basename(module)] = module
    return files


def modules_of(files):
    """The modules among the files of loader_files()."""
    return [source for target, source in files.items() if target.startswith(MODULES)]


def boot_cfg(modules=(), **keys):
    """The text of a boot.cfg for the files of loader_files(); keys whose value is None are left
    out. ValueError: the loader does not take so many modules."""
    if len(modules) > MODULES_MAX:
        raise ValueError(f"there are {len(modules)} boot modules, and the loader takes {MODULES_MAX}")
    lines = [f"{key} = {value}" for key, value in keys.items() if value is not None]
    lines += [f"module = /{MODULES}{os.path.basename(m)}" for m in modules]
    return "".join(line + "\n" for line in lines)


def default_modules(images):
    """The shell, the programs that start children by definitions, and the toy guests, as far as
    they are built."""
    guests = os.path.join(images, "guests")
    found = [os.path.join(images, n) for n in ("shell.elf", *child.SERVICE)]
    if os.path.isdir(guests):
        found += [os.path.join(guests, n) for n in sorted(os.listdir(guests)) if n.endswith(".elf")]
    return [f for f in found if os.path.exists(f)]
