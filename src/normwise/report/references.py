"""Works that a methods paragraph cites, each as it is cited in the text and as a BibTeX entry."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["REFERENCES", "Reference"]


@dataclass(frozen=True)
class Reference:
    """A work.

    Attributes
    ----------
    cited : str
        Author and year, as they stand in the text.
    kind : str
        The BibTeX type.
    fields : dict of str to str
        The BibTeX fields.
    """

    cited: str
    kind: str
    fields: dict[str, str]

    def bibtex(self, key: str) -> str:
        """Return the entry under a key.

        Examples
        --------
        >>> print(Reference("Wilson 1927", "article", {"year": "1927"}).bibtex("wilson1927"))
        @article{wilson1927,
          year = {1927}
        }
        """
        fields = ",\n".join(f"  {name} = {{{value}}}" for name, value in self.fields.items())
        return f"@{self.kind}{{{key},\n{fields}\n}}"


def _article(cited: str, author: str, title: str, journal: str, where: str, doi: str = "") -> Reference:
    year, volume, pages = where.split("; ")
    fields = {
        "author": author, "title": f"{{{title}}}", "journal": journal, "year": year, "volume": volume,
        "pages": pages.replace("–", "--"), "doi": doi,
    }  # fmt: skip
    return Reference(cited, "article", {name: value for name, value in fields.items() if value})


REFERENCES: dict[str, Reference] = {
    "lajoie2012": _article(
        "La Joie et al. 2012",
        "La Joie, Renaud and Perrotin, Audrey and Barr{\\'e}, Louisa and others",
        "Region-specific hierarchy between atrophy, hypometabolism, and $\\beta$-amyloid load in Alzheimer's "
        "disease dementia",
        "Journal of Neuroscience", "2012; 32; 16265–16273", "10.1523/JNEUROSCI.2170-12.2012",
    ),
    "falahati2016": _article(
        "Falahati et al. 2016",
        "Falahati, Farshad and Ferreira, Daniel and Soininen, Hilkka and others",
        "The effect of age correction on multivariate classification in Alzheimer's disease, with a special "
        "focus on the characteristics of incorrectly and correctly classified subjects",
        "Brain Topography", "2016; 29; 296–307", "10.1007/s10548-015-0455-1",
    ),
    "johnson2007": _article(
        "Johnson et al. 2007",
        "Johnson, W. Evan and Li, Cheng and Rabinovic, Ariel",
        "Adjusting batch effects in microarray expression data using empirical Bayes methods",
        "Biostatistics", "2007; 8; 118–127", "10.1093/biostatistics/kxj037",
    ),
    "fischl2012": _article(
        "Fischl 2012", "Fischl, Bruce", "FreeSurfer", "NeuroImage", "2012; 62; 774–781",
        "10.1016/j.neuroimage.2012.01.021",
    ),
    "breiman2001": _article(
        "Breiman 2001", "Breiman, Leo", "Random forests", "Machine Learning", "2001; 45; 5–32",
        "10.1023/A:1010933404324",
    ),
    "cortes1995": _article(
        "Cortes and Vapnik 1995", "Cortes, Corinna and Vapnik, Vladimir", "Support-vector networks",
        "Machine Learning", "1995; 20; 273–297", "10.1007/BF00994018",
    ),
    "lei2018": _article(
        "Lei et al. 2018",
        "Lei, Jing and G'Sell, Max and Rinaldo, Alessandro and others",
        "Distribution-free predictive inference for regression",
        "Journal of the American Statistical Association",
        "2018; 113; 1094–1111", "10.1080/01621459.2017.1307116",
    ),
    "vovk2015": _article(
        "Vovk 2015", "Vovk, Vladimir", "Cross-conformal predictors",
        "Annals of Mathematics and Artificial Intelligence", "2015; 74; 9–28", "10.1007/s10472-013-9368-4",
    ),
    "smith2019": _article(
        "Smith et al. 2019",
        "Smith, Stephen M. and Vidaurre, Diego and Alfaro-Almagro, Fidel and others",
        "Estimation of brain age delta from brain imaging", "NeuroImage", "2019; 200; 528–539",
        "10.1016/j.neuroimage.2019.06.017",
    ),
    "pinheiro2015": Reference(
        "Pinheiro and Collobert 2015", "inproceedings", {
            "author": "Pinheiro, Pedro O. and Collobert, Ronan",
            "title": "{From image-level to pixel-level labeling with convolutional networks}",
            "booktitle": "2015 IEEE Conference on Computer Vision and Pattern Recognition",
            "year": "2015", "pages": "1713--1721",
        },
    ),
    "paszke2019": Reference(
        "Paszke et al. 2019", "inproceedings", {
            "author": "Paszke, Adam and Gross, Sam and Massa, Francisco and others",
            "title": "{PyTorch: an imperative style, high-performance deep learning library}",
            "booktitle": "Advances in Neural Information Processing Systems 32", "year": "2019",
        },
    ),
    "pedregosa2011": _article(
        "Pedregosa et al. 2011",
        'Pedregosa, Fabian and Varoquaux, Ga{\\"e}l and Gramfort, Alexandre and others',
        "Scikit-learn: machine learning in Python", "Journal of Machine Learning Research",
        "2011; 12; 2825–2830",
    ),
    "varma2006": _article(
        "Varma and Simon 2006", "Varma, Sudhir and Simon, Richard",
        "Bias in error estimation when using cross-validation for model selection", "BMC Bioinformatics",
        "2006; 7; 91", "10.1186/1471-2105-7-91",
    ),
    "delong1988": _article(
        "DeLong et al. 1988",
        "DeLong, Elizabeth R. and DeLong, David M. and Clarke-Pearson, Daniel L.",
        "Comparing the areas under two or more correlated receiver operating characteristic curves: a "
        "nonparametric approach",
        "Biometrics", "1988; 44; 837–845", "10.2307/2531595",
    ),
    "janes2009": _article(
        "Janes and Pepe 2009", "Janes, Holly and Pepe, Margaret S.",
        "Adjusting for covariate effects on classification accuracy using the covariate-adjusted receiver "
        "operating characteristic curve",
        "Biometrika", "2009; 96; 371–382", "10.1093/biomet/asp002",
    ),
    "wilson1927": _article(
        "Wilson 1927", "Wilson, Edwin B.",
        "Probable inference, the law of succession, and statistical inference",
        "Journal of the American Statistical Association", "1927; 22; 209–212",
        "10.1080/01621459.1927.10502953",
    ),
    "vickers2006": _article(
        "Vickers and Elkin 2006", "Vickers, Andrew J. and Elkin, Elena B.",
        "Decision curve analysis: a novel method for evaluating prediction models",
        "Medical Decision Making", "2006; 26; 565–574", "10.1177/0272989X06295361",
    ),
    "vancalster2019": _article(
        "Van Calster et al. 2019",
        "Van Calster, Ben and McLernon, David J. and van Smeden, Maarten and others",
        "Calibration: the Achilles heel of predictive analytics", "BMC Medicine", "2019; 17; 230",
        "10.1186/s12916-019-1466-7",
    ),
    "ojala2010": _article(
        "Ojala and Garriga 2010", "Ojala, Markus and Garriga, Gemma C.",
        "Permutation tests for studying classifier performance", "Journal of Machine Learning Research",
        "2010; 11; 1833–1863",
    ),
}  # fmt: skip
"""By the key of the BibTeX entry."""
