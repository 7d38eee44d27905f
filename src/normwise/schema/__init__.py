"""The study: what its file may say, one section a module, as frozen data that every stage reads.

- ``section.py``: the base of all sections
- ``cohort.py``, ``features.py``, ``normalizer.py``, ``sites.py``, ``selection.py``, ``classifier.py``,
  ``decision.py``, ``evaluation.py``: the sections; ``features.py`` holds one class an extractor
- ``study.py``: all of them together
- ``settings.py``: types of the settings of classifiers and networks, and their check
- ``validation.py``: the content of a study file checked, and what is wrong with it in words
- ``suggest.py``: the known name nearest to what was typed
"""

from normwise.schema.classifier import ClassifierSection
from normwise.schema.cohort import CohortSection, Roles
from normwise.schema.decision import CostPair, DecisionSection
from normwise.schema.evaluation import EvaluationSection
from normwise.schema.features import (
    EXTRACTOR_SECTIONS,
    AtlasSection,
    AttentionSection,
    AutoencoderSection,
    BrainSection,
    FeaturesSection,
    FreeSurferSection,
    ImagesSection,
    RegionsSection,
    SlidesSection,
    TableSection,
    TrunkSection,
    VoxelsSection,
    feature_keys,
    readers_of,
)
from normwise.schema.normalizer import NormalizerSection
from normwise.schema.selection import SelectionSection
from normwise.schema.settings import (
    ClassWeight,
    Count,
    Device,
    Dropout,
    HiddenLayers,
    Meaning,
    NotNegative,
    Positive,
    Seed,
    accepts,
    check_settings,
    choices_of,
    describe_type,
    section_in,
    settings_of,
)
from normwise.schema.sites import SitesSection
from normwise.schema.study import SAVED, Study
from normwise.schema.suggest import closest, did_you_mean, listed
from normwise.schema.validation import validate_study

__all__ = [
    "EXTRACTOR_SECTIONS",
    "SAVED",
    "AtlasSection",
    "AttentionSection",
    "AutoencoderSection",
    "BrainSection",
    "ClassWeight",
    "ClassifierSection",
    "CohortSection",
    "CostPair",
    "Count",
    "DecisionSection",
    "Device",
    "Dropout",
    "EvaluationSection",
    "FeaturesSection",
    "FreeSurferSection",
    "HiddenLayers",
    "ImagesSection",
    "Meaning",
    "NormalizerSection",
    "NotNegative",
    "Positive",
    "RegionsSection",
    "Roles",
    "Seed",
    "SelectionSection",
    "SitesSection",
    "SlidesSection",
    "Study",
    "TableSection",
    "TrunkSection",
    "VoxelsSection",
    "accepts",
    "check_settings",
    "choices_of",
    "closest",
    "describe_type",
    "did_you_mean",
    "feature_keys",
    "listed",
    "readers_of",
    "section_in",
    "settings_of",
    "validate_study",
]
