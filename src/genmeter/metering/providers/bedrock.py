"""The packages ``botocore``, which boto3 uses, and ``aiobotocore``, which aioboto3 uses: Amazon Bedrock's ``bedrock-runtime``.

Both SDKs have one method for the operations of all services of AWS: what stands in no row passes.
"""

from __future__ import annotations

from ..dialects.bedrock import BEDROCK_EMBEDDINGS, BEDROCK_IMAGES, BEDROCK_INVOKE, BEDROCK_RERANK, BEDROCK_STREAM
from ..dialects.converse import CONVERSE
from ..dialects.converse_stream import CONVERSE_STREAM
from ..families.botocore import BOTOCORE, operations, server_of
from ..spec import Provider

SERVICE = "bedrock-runtime"
OPERATIONS = {
    "Converse": CONVERSE,
    "ConverseStream": CONVERSE_STREAM,
    "InvokeModel": BEDROCK_INVOKE,
    "InvokeModel embed": BEDROCK_EMBEDDINGS,
    "InvokeModel rerank": BEDROCK_RERANK,
    "InvokeModel image": BEDROCK_IMAGES,
    "InvokeModel canvas": BEDROCK_IMAGES,
    "InvokeModel stability.": BEDROCK_IMAGES,
    "InvokeModelWithResponseStream": BEDROCK_STREAM,
}
NAME = "aws.bedrock"
# The other instrumentations of Bedrock wrap what makes a client, and then the methods of each client of Bedrock.
BOTO3 = Provider(
    sdk="botocore",
    name=NAME,
    family=BOTOCORE,
    targets=(operations("botocore.client", "BaseClient", OPERATIONS),),
    server=server_of(SERVICE, NAME),
    watched=(("botocore.client", "ClientCreator.create_client"), ("botocore.session", "Session.create_client")),
)
AIOBOTOCORE = Provider(
    sdk="aiobotocore",
    name=NAME,
    family=BOTOCORE,
    targets=(operations("aiobotocore.client", "AioBaseClient", OPERATIONS, awaited=True),),
    server=server_of(SERVICE, NAME),
    watched=(
        ("aiobotocore.client", "AioClientCreator.create_client"),
        ("aiobotocore.session", "AioSession.create_client"),
    ),
)
