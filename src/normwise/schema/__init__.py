"""The study: what its file may say, as frozen data that every stage reads.

- ``cohort.py``, ``features.py``: two sections; ``features.py`` holds one class an extractor
- ``sections.py``: the other sections, and the base of them all
- ``study.py``: all of them together
- ``settings.py``: types of the settings of classifiers and networks, and their check
- ``fitted.py``: what a fitted object that was read from a file may hold
- ``validation.py``: the content of a study file checked, and what is wrong with it in words
- ``suggest.py``: the known name nearest to what was typed
"""

from normwise.schema.cohort import EVERYBODY, OTHERS, CohortSection, Roles
from normwise.schema.features import (
    EXTRACTOR_SECTIONS,
    AtlasSection,
    AttentionSection,
    AutoencoderSection,
    BrainSection,
    ColumnsSection,
    FeaturesSection,
    FreeSurferSection,
    ImagesSection,
    NucleiSection,
    RegionsSection,
    ShapesSection,
    SlidesSection,
    TableSection,
    TrunkSection,
    VoxelsSection,
    feature_keys,
    readers_of,
)
from normwise.schema.fitted import FittedParts, check_parts, refuse_hidden_methods
from normwise.schema.sections import (
    ClassifierSection,
    CostPair,
    DecisionSection,
    EngineSection,
    EvaluationSection,
    NormalizerSection,
    SelectionSection,
    SitesSection,
)
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
from normwise.schema.study import SAVED, Study
from normwise.schema.suggest import closest, did_you_mean, listed
from normwise.schema.validation import validate_study

__all__ = [
    "EVERYBODY",
    "EXTRACTOR_SECTIONS",
    "OTHERS",
    "SAVED",
    "AtlasSection",
    "AttentionSection",
    "AutoencoderSection",
    "BrainSection",
    "ClassWeight",
    "ClassifierSection",
    "CohortSection",
    "ColumnsSection",
    "CostPair",
    "Count",
    "DecisionSection",
    "Device",
    "Dropout",
    "EngineSection",
    "EvaluationSection",
    "FeaturesSection",
    "FittedParts",
    "FreeSurferSection",
    "HiddenLayers",
    "ImagesSection",
    "Meaning",
    "NormalizerSection",
    "NotNegative",
    "NucleiSection",
    "Positive",
    "RegionsSection",
    "Roles",
    "Seed",
    "SelectionSection",
    "ShapesSection",
    "SitesSection",
    "SlidesSection",
    "Study",
    "TableSection",
    "TrunkSection",
    "VoxelsSection",
    "accepts",
    "check_parts",
    "check_settings",
    "choices_of",
    "closest",
    "describe_type",
    "did_you_mean",
    "feature_keys",
    "listed",
    "readers_of",
    "refuse_hidden_methods",
    "section_in",
    "settings_of",
    "validate_study",
]
