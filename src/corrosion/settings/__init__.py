"""Every setting once: its type, its range, its default and what it means.

    from corrosion.settings import DataSettings, RunSettings
    settings = RunSettings(data=DataSettings(source="folder", root="PHOTOS"), seed=1)

`run` has all that a training is told, made of `data`, `augmentation`, `model`, `trainer` and
`sweep`. Commands take those of `evaluation`, `explanation`, `prediction`, `change` and `selection`,
which run networks as `inference` says, and of `folders`. `base` checks values and words the errors,
`types` and `ranges` name kinds of values, `resumed` decides for a run that goes on.
"""

from corrosion.settings.augmentation import (
    Affine,
    AugmentationSettings,
    Blur,
    Brightness,
    Clahe,
    Dropout,
    Exposure,
    Flip,
    Hsv,
    Jpeg,
    Noise,
    Rotation,
    Saturation,
)
from corrosion.settings.base import Settings
from corrosion.settings.change import ChangeSettings
from corrosion.settings.data import (
    ClassFolders,
    CurationSettings,
    DataSettings,
    InputSettings,
    LoadingSettings,
    PublicSource,
    QualitySettings,
    SourceSettings,
    SplitSettings,
)
from corrosion.settings.evaluation import ChoiceSettings, ComparisonSettings, EvaluationSettings
from corrosion.settings.explanation import ExplanationSettings, MapScoreSettings
from corrosion.settings.folders import AuditSettings, SampleSettings
from corrosion.settings.inference import AverageSettings, InferenceSettings
from corrosion.settings.model import ModelSettings, NetworkSettings
from corrosion.settings.prediction import PredictionSettings
from corrosion.settings.run import ExampleSettings, RunSettings
from corrosion.settings.selection import SelectionSettings
from corrosion.settings.sweep import SweeperSettings, SweepSettings
from corrosion.settings.trainer import LoggerSettings, TrainerSettings

__all__ = [
    "Affine",
    "AuditSettings",
    "AugmentationSettings",
    "AverageSettings",
    "Blur",
    "Brightness",
    "ChangeSettings",
    "ChoiceSettings",
    "Clahe",
    "ClassFolders",
    "ComparisonSettings",
    "CurationSettings",
    "DataSettings",
    "Dropout",
    "EvaluationSettings",
    "ExampleSettings",
    "ExplanationSettings",
    "Exposure",
    "Flip",
    "Hsv",
    "InferenceSettings",
    "InputSettings",
    "Jpeg",
    "LoadingSettings",
    "LoggerSettings",
    "MapScoreSettings",
    "ModelSettings",
    "NetworkSettings",
    "Noise",
    "PredictionSettings",
    "PublicSource",
    "QualitySettings",
    "Rotation",
    "RunSettings",
    "SampleSettings",
    "Saturation",
    "SelectionSettings",
    "Settings",
    "SourceSettings",
    "SplitSettings",
    "SweepSettings",
    "SweeperSettings",
    "TrainerSettings",
]
