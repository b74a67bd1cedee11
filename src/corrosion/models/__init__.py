from corrosion.models import nasnet as nasnet
