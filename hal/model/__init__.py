"""The data model: every class and enum that crosses a hook or the public API.

All classes are frozen and keyword-only. A fact that is not known is absent: `None` for a single value, `()` for a
list. Nothing here touches hardware, and nothing is guessed. Units are part of a name where a number has one
(`temperature_millicelsius`, `size_kib`). Facts about device types come from the public balenaOS device
repositories and from kernel device trees; a row names its own under `sources`.

Import every name from here. The files behind it are loaded when one of their names is first used, because making a
class costs more than most programs that open a device spend on everything else.
"""

from __future__ import annotations

from importlib import import_module
from types import UnionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hal.model.at import AtFaultKind as AtFaultKind
    from hal.model.at import Bound as Bound
    from hal.model.at import FunctionalMode as FunctionalMode
    from hal.model.at import ModemIdentity as ModemIdentity
    from hal.model.at import ModemInfo as ModemInfo
    from hal.model.at import ModemMaker as ModemMaker
    from hal.model.at import ModemOperator as ModemOperator
    from hal.model.at import ModemRegistration as ModemRegistration
    from hal.model.at import ModemReset as ModemReset
    from hal.model.at import ModemSignal as ModemSignal
    from hal.model.at import ModemSim as ModemSim
    from hal.model.at import ModemSystem as ModemSystem
    from hal.model.at import ModemUnknown as ModemUnknown
    from hal.model.at import ModemUsbMode as ModemUsbMode
    from hal.model.at import RadioTechnology as RadioTechnology
    from hal.model.at import RegistrationState as RegistrationState
    from hal.model.at import SimState as SimState
    from hal.model.boot_config import BootConfigResult as BootConfigResult
    from hal.model.boot_config import BootSetting as BootSetting
    from hal.model.boot_config import BootSettingChange as BootSettingChange
    from hal.model.boot_config import Keeping as Keeping
    from hal.model.boot_config import KeptLine as KeptLine
    from hal.model.bootloader import BootOperation as BootOperation
    from hal.model.bootloader import BootStatus as BootStatus
    from hal.model.bootloader import BootVariable as BootVariable
    from hal.model.bootloader import BootWrite as BootWrite
    from hal.model.bootloader import NextBoot as NextBoot
    from hal.model.bootloader import SelectionRule as SelectionRule
    from hal.model.bootloader import Slot as Slot
    from hal.model.bootloader import SlotFacts as SlotFacts
    from hal.model.bootloader import ValueState as ValueState
    from hal.model.bootloader import WriteKind as WriteKind
    from hal.model.device_type import SLUG as SLUG
    from hal.model.device_type import Arch as Arch
    from hal.model.device_type import Board as Board
    from hal.model.device_type import BootloaderKind as BootloaderKind
    from hal.model.device_type import Capsule as Capsule
    from hal.model.device_type import Clock as Clock
    from hal.model.device_type import Console as Console
    from hal.model.device_type import DeviceType as DeviceType
    from hal.model.device_type import Filesystem as Filesystem
    from hal.model.device_type import ImageKind as ImageKind
    from hal.model.device_type import Partitions as Partitions
    from hal.model.device_type import PartitionTable as PartitionTable
    from hal.model.device_type import PowerLevel as PowerLevel
    from hal.model.device_type import PowerLevelNames as PowerLevelNames
    from hal.model.device_type import ReleaseState as ReleaseState
    from hal.model.device_type import Sizes as Sizes
    from hal.model.device_type import SlotEncoding as SlotEncoding
    from hal.model.device_type import UpdatePhase as UpdatePhase
    from hal.model.device_type import UpdateStepFact as UpdateStepFact
    from hal.model.identity import Candidate as Candidate
    from hal.model.identity import Evidence as Evidence
    from hal.model.identity import Identity as Identity
    from hal.model.image import ABSENT as ABSENT
    from hal.model.image import BOOT_MEDIA as BOOT_MEDIA
    from hal.model.image import EITHER as EITHER
    from hal.model.image import PRESENT as PRESENT
    from hal.model.image import YOCTO_RELEASES as YOCTO_RELEASES
    from hal.model.image import Asked as Asked
    from hal.model.image import Build as Build
    from hal.model.image import Image as Image
    from hal.model.image import ImagePart as ImagePart
    from hal.model.image import JoinedPart as JoinedPart
    from hal.model.image import Lacking as Lacking
    from hal.model.image import PartKind as PartKind
    from hal.model.image import StorageDriver as StorageDriver
    from hal.model.modem import AtSetting as AtSetting
    from hal.model.modem import AwaitReturn as AwaitReturn
    from hal.model.modem import BulkMessages as BulkMessages
    from hal.model.modem import ControlRequest as ControlRequest
    from hal.model.modem import ModeChoice as ModeChoice
    from hal.model.modem import ModemMode as ModemMode
    from hal.model.modem import ModemModel as ModemModel
    from hal.model.modem import ModemPowerLine as ModemPowerLine
    from hal.model.modem import ModemState as ModemState
    from hal.model.modem import ModeSwitch as ModeSwitch
    from hal.model.modem import PortRole as PortRole
    from hal.model.modem import PortRule as PortRule
    from hal.model.modem import Report as Report
    from hal.model.modem import Requests as Requests
    from hal.model.modem import ScsiEject as ScsiEject
    from hal.model.modem import SelectConfiguration as SelectConfiguration
    from hal.model.modem import Step as Step
    from hal.model.modem import UsbIdentity as UsbIdentity
    from hal.model.peripheral import FirmwareFile as FirmwareFile
    from hal.model.peripheral import FirmwareForm as FirmwareForm
    from hal.model.peripheral import FirmwareTime as FirmwareTime
    from hal.model.peripheral import LogMeaning as LogMeaning
    from hal.model.peripheral import LogText as LogText
    from hal.model.peripheral import WifiFirmware as WifiFirmware
    from hal.model.problem import Problem as Problem
    from hal.model.rollback import Phase as Phase
    from hal.model.rollback import RollbackEvent as RollbackEvent
    from hal.model.rollback import RollbackOutcome as RollbackOutcome
    from hal.model.rollback import RollbackPolicy as RollbackPolicy
    from hal.model.rollback import RollbackStatus as RollbackStatus
    from hal.model.rtc import RtcProblem as RtcProblem
    from hal.model.rtc import RtcState as RtcState
    from hal.model.setting import Change as Change
    from hal.model.setting import Cost as Cost
    from hal.model.setting import FanProfile as FanProfile
    from hal.model.setting import FanReading as FanReading
    from hal.model.setting import FanState as FanState
    from hal.model.setting import FrequencyCap as FrequencyCap
    from hal.model.setting import Outcome as Outcome
    from hal.model.setting import PowerLimit as PowerLimit
    from hal.model.setting import PowerMode as PowerMode
    from hal.model.setting import PowerState as PowerState
    from hal.model.setting import SetResult as SetResult
    from hal.model.setting import Unsupported as Unsupported
    from hal.model.splash import FirmwareSplash as FirmwareSplash
    from hal.model.splash import SplashImage as SplashImage
    from hal.model.splash import SplashState as SplashState
    from hal.model.update import HealthCheck as HealthCheck
    from hal.model.update import HealthVerdict as HealthVerdict
    from hal.model.update import Update as Update
    from hal.model.update import UpdateStep as UpdateStep
    from hal.model.usb import UsbConfiguration as UsbConfiguration
    from hal.model.usb import UsbDevice as UsbDevice
    from hal.model.usb import UsbEndpoint as UsbEndpoint
    from hal.model.usb import UsbFunction as UsbFunction
    from hal.model.usb import UsbInterface as UsbInterface
    from hal.model.wifi import AdapterReport as AdapterReport
    from hal.model.wifi import DriverReport as DriverReport
    from hal.model.wifi import DriverState as DriverState
    from hal.model.wifi import FileReport as FileReport
    from hal.model.wifi import FileState as FileState
    from hal.model.wifi import FirmwareRequest as FirmwareRequest
    from hal.model.wifi import RegulatoryReport as RegulatoryReport
    from hal.model.wifi import WifiReport as WifiReport
    from hal.model.wifi import WifiVerdict as WifiVerdict

_NAMES = {
    "device_type": """
        SLUG Arch Board BootloaderKind Capsule Clock Console DeviceType Filesystem ImageKind Partitions
        PartitionTable PowerLevel PowerLevelNames ReleaseState Sizes SlotEncoding UpdatePhase UpdateStepFact
    """,
    "setting": """
        Change Cost FanProfile FanReading FanState FrequencyCap Outcome PowerLimit PowerMode PowerState SetResult
        Unsupported
    """,
    "identity": "Candidate Evidence Identity",
    "problem": "Problem",
    "bootloader": """
        BootOperation BootStatus BootVariable BootWrite NextBoot SelectionRule Slot SlotFacts ValueState WriteKind
    """,
    "boot_config": "BootConfigResult BootSetting BootSettingChange Keeping KeptLine",
    "splash": "FirmwareSplash SplashImage SplashState",
    "rtc": "RtcProblem RtcState",
    "update": "HealthCheck HealthVerdict Update UpdateStep",
    "rollback": "Phase RollbackEvent RollbackOutcome RollbackPolicy RollbackStatus",
    "peripheral": "FirmwareFile FirmwareForm FirmwareTime LogMeaning LogText WifiFirmware",
    "modem": """
        AtSetting AwaitReturn BulkMessages ControlRequest ModeChoice ModemMode ModemModel ModemPowerLine ModemState
        ModeSwitch PortRole PortRule Report Requests ScsiEject SelectConfiguration Step UsbIdentity
    """,
    "image": """
        ABSENT BOOT_MEDIA EITHER PRESENT YOCTO_RELEASES Asked Build Image ImagePart JoinedPart Lacking PartKind
        StorageDriver
    """,
    "usb": "UsbConfiguration UsbDevice UsbEndpoint UsbFunction UsbInterface",
    "at": """
        AtFaultKind Bound FunctionalMode ModemIdentity ModemInfo ModemMaker ModemOperator ModemRegistration
        ModemReset ModemSignal ModemSim ModemSystem ModemUnknown ModemUsbMode RadioTechnology RegistrationState
        SimState
    """,
    "wifi": """
        AdapterReport DriverReport DriverState FileReport FileState FirmwareRequest RegulatoryReport WifiReport
        WifiVerdict
    """,
}
"""The names of each file, those files first that opening a device needs. Whoever looks for one name loads one file."""

_FILE = {name: file for file, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """A name of the model, from the file that has it."""
    if name not in _FILE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_FILE[name]}"), name)
    globals()[name] = value
    return value


def names() -> dict[str, object]:
    """Every public name of the model, all files loaded, in file order: for what documents or checks it."""
    modules = [import_module(f"{__name__}.{file}") for file in _NAMES]
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (getattr(value, "__module__", None) == module.__name__ or name.isupper() or isinstance(value, UnionType))
    }
