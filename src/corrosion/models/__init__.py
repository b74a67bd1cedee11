"""Networks: backbones, the head, their weights, and how they are stored.

`classifier` is the network, built of a backbone of `backbones` (timm's, and our `nasnet`) and the
study's head; `batch` checks its input and `tta` names its views. `weights` fills it at first, from
`packaged_weights`, `keras_weights` (which `keras_download` gets) or `state_dicts`. `checkpoint`
writes and loads trained ones, whose values `checkpoint_schema` checks and whose `digest` tells that
they were changed; `device` says where they run, `cost` what they take.
"""

from corrosion.models import nasnet as nasnet
