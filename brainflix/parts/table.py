"""The list of brainflix's own parts: category -> name -> part. A plain dict; listing it imports nothing heavy."""

from __future__ import annotations

from brainflix.parts.part import Part


def _paper(params: str, whose: str) -> Part:
    """Return the part of a paper's protocol."""
    return Part(
        "brainflix.evaluate.papers:score",
        f"brainflix.evaluate.paper_params:{params}",
        f"{whose} published procedure, as `score` runs it on folders",
        needs=("videos", "truth"),
    )


def _video_to_video(module: str, params: str, whose: str) -> Part:
    """Return the part of one video-to-video model of diffusers."""
    return Part(
        f"brainflix.reconstruct.{module}:load",
        f"brainflix.reconstruct.vid2vid_params:{params}",
        f"{whose}, from video to video: re-noise an earlier step's frames, denoise under captions",
        needs=("clips", "video"),
        takes=("caption", "prompt"),
    )


PARTS: dict[str, dict[str, Part]] = {
    "dataset": {
        "demo": Part(
            "brainflix.datasets.demo:DATASET",
            "brainflix.datasets.demo:DemoParams",
            "embedded simulation in CC2017's layout: 3 subjects, 20 segments of 60 two-second clips",
        ),
        "cc2017": Part(
            "brainflix.datasets.cc2017:DATASET",
            "brainflix.datasets.cc2017:Cc2017DatasetParams",
            "natural films: 18 training and 5 test segments of 240 two-second clips",
        ),
        "cc2017-neuroclips": Part(
            "brainflix.datasets.cc2017_neuroclips:DATASET",
            "brainflix.datasets.cc2017_neuroclips:NeuroClipsDatasetParams",
            "CC2017 as tensors of selected vertices, from the Hub",
        ),
        "mindvideo": Part(
            "brainflix.datasets.mindvideo:DATASET",
            "brainflix.datasets.mindvideo:MindVideoDatasetParams",
            "CC2017 as arrays of selected voxels, repeats averaged",
        ),
        "bmd": Part(
            "brainflix.datasets.bmd:DATASET",
            "brainflix.datasets.bmd:BmdParams",
            "1102 films of three seconds, estimates for each trial of ten subjects",
        ),
        "had": Part(
            "brainflix.datasets.had:DATASET",
            "brainflix.datasets.had:HadParams",
            "21600 clips of human actions, each shown once to one of thirty subjects",
        ),
        "algonauts2021": Part(
            "brainflix.datasets.algonauts2021:DATASET",
            "brainflix.datasets.algonauts2021:Algonauts2021Params",
            "1000 films of three seconds, estimates in areas of ten subjects",
        ),
        "hcp7t": Part(
            "brainflix.datasets.hcp7t:DATASET",
            "brainflix.datasets.hcp7t:Hcp7tDatasetParams",
            "3040 seconds of films at 7 T in four runs, three subjects of the release",
        ),
        "fudan": Part(
            "brainflix.datasets.fudan:DATASET",
            "brainflix.datasets.fudan:FudanDatasetParams",
            "1200 films of eight seconds as pictures of the cortex, five subjects",
        ),
        "algonauts2025": Part(
            "brainflix.datasets.algonauts2025:DATASET",
            "brainflix.datasets.algonauts2025:Algonauts2025DatasetParams",
            "six seasons of Friends and four films in 1000 parcels, four subjects",
        ),
    },
    "preprocess": {
        "cc2017": Part(
            "brainflix.preprocess.parts:cc2017",
            "brainflix.preprocess.params:Cc2017Params",
            "trim to the clips, polynomial detrend, z-score, reproducibility selection",
            needs=("raw", "stimuli"),
        ),
        "cc2017-arrays": Part(
            "brainflix.preprocess.arrays:tensors",
            "brainflix.preprocess.arrays_params:ArraysParams",
            "CC2017's releases in arrays as rows, copied repeats left out",
            needs=("raw",),
        ),
        "bmd": Part(
            "brainflix.preprocess.bmd:betas",
            "brainflix.preprocess.betas_params:BmdParams",
            "BOLD Moments' released estimates on the areas asked for, with noise ceilings",
            needs=("raw",),
        ),
        "had": Part(
            "brainflix.preprocess.had:betas",
            "brainflix.preprocess.betas_params:HadParams",
            "HAD's released estimates, one exemplar of each action for testing",
            needs=("raw",),
        ),
        "algonauts2021": Part(
            "brainflix.preprocess.algonauts2021:betas",
            "brainflix.preprocess.betas_params:Algonauts2021Params",
            "the challenge's estimates, by area or of the whole brain, with noise ceilings",
            needs=("raw",),
        ),
        "hcp7t": Part(
            "brainflix.preprocess.hcp7t:films",
            "brainflix.preprocess.hcp7t_params:Hcp7tParams",
            "every volume of a run with the second of film that it answers; ceiling from the repeated montage",
            needs=("raw",),
        ),
        "fudan": Part(
            "brainflix.preprocess.fudan:films",
            "brainflix.preprocess.fudan_params:FudanParams",
            "crop and resize the pictures of the cortex, z-score, two clips of five volumes a film",
            needs=("raw", "stimuli"),
        ),
        "algonauts2025": Part(
            "brainflix.preprocess.algonauts2025:parcels",
            "brainflix.preprocess.algonauts2025_params:Algonauts2025Params",
            "parcels of every episode in the order of the story, with repeats where there are any",
            needs=("raw",),
        ),
    },
    "align": {
        "none": Part(
            "brainflix.align.methods:identity",
            "brainflix.align.params:AlignParams",
            "keep each subject's own columns",
            needs=("bold", "group"),
        ),
        "procrustes": Part(
            "brainflix.align.methods:procrustes",
            "brainflix.align.params:ProcrustesParams",
            "rotate each subject onto an iterated group template",
            needs=("bold", "group"),
        ),
        "ridge": Part(
            "brainflix.align.methods:ridge",
            "brainflix.align.params:RidgeAlignParams",
            "ridge map of each subject onto an iterated group template",
            needs=("bold", "group"),
        ),
        "procrustes-pairwise": Part(
            "brainflix.align.methods:procrustes_pairwise",
            "brainflix.align.params:PairwiseParams",
            "rotate each subject onto one reference subject",
            needs=("bold", "group"),
        ),
        "srm": Part(
            "brainflix.align.methods:srm",
            "brainflix.align.params:SrmParams",
            "shared response model, laid out again on the group's columns",
            needs=("bold", "group"),
        ),
        "gcca": Part(
            "brainflix.align.methods:gcca",
            "brainflix.align.params:GccaParams",
            "canonical time courses of all subjects with a ridge penalty, laid out on the group's columns",
            needs=("bold", "group"),
        ),
    },
    "targets": {
        "frames": Part(
            "brainflix.targets.frames:extract",
            "brainflix.targets.params:FramesParams",
            "the clips' frames at a fixed clock and size; the ground truth of scores",
            needs=("stimuli",),
        ),
        "captions": Part(
            "brainflix.targets.text:extract",
            "brainflix.targets.params:CaptionParams",
            "token states of the clips' captions from a CLIP text tower",
            needs=("stimuli",),
            takes=("captions",),
        ),
        "vae-latents": Part(
            "brainflix.targets.vae:extract",
            "brainflix.targets.params:LatentParams",
            "scaled latents of every frame from a diffusers autoencoder",
            needs=("frames",),
        ),
        "clip-video": Part(
            "brainflix.targets.clip:extract",
            "brainflix.targets.params:ClipParams",
            "mean over frames of projected CLIP image embeddings",
            needs=("frames",),
        ),
        "blip-tokens": Part(
            "brainflix.targets.blip:extract",
            "brainflix.targets.vision_params:BlipParams",
            "mean over frames of BLIP's visual tokens, from which captions are decoded",
            needs=("frames",),
        ),
        "blip-captions": Part(
            "brainflix.targets.captions:extract",
            "brainflix.targets.caption_params:BlipCaptionParams",
            "captions of the true clips by BLIP, where a data set has none",
            needs=("tokens",),
        ),
        "clip-tokens": Part(
            "brainflix.targets.clip:extract_tokens",
            "brainflix.targets.vision_params:ClipTokenParams",
            "mean over frames of a CLIP image tower's token grid",
            needs=("frames",),
        ),
        "svd": Part(
            "brainflix.targets.svd:extract",
            "brainflix.targets.vision_params:SvdParams",
            "what Stable Video Diffusion is conditioned on: embedding and, on request, latents of frames",
            needs=("frames",),
        ),
        "depth": Part(
            "brainflix.targets.depth:extract",
            "brainflix.targets.vision_params:DepthParams",
            "relative depth of frames by DPT, each from -1 to 1",
            needs=("frames",),
        ),
    },
    "train": {
        "masked-brain-modelling": Part(
            "brainflix.train.phases:masked_phase",
            "brainflix.train.params:MaskedParams",
            "masked autoencoder over grayordinate patches, subjects pooled",
            needs=("rows",),
            takes=("start",),
        ),
        "clip-contrastive": Part(
            "brainflix.train.phases:contrastive_phase",
            "brainflix.train.params:ContrastiveParams",
            "tune the encoder so that its output matches the clips' CLIP embeddings",
            needs=("rows", "start", "embeddings"),
        ),
        "mindvideo-contrastive": Part(
            "brainflix.train.phases:mindvideo_phase",
            "brainflix.train.mindvideo_params:MindVideoContrastiveParams",
            "tune MinD-Video's encoder of windows towards CLIP embeddings of images and texts",
            needs=("rows", "start", "image", "text"),
        ),
        "mindvideo-video": Part(
            "brainflix.train.generator_phases:video_phase",
            "brainflix.train.mindvideo_unet_params:MindVideoVideoParams",
            "inflate an image denoiser to video and tune it on clips and their texts",
            needs=("latents", "text"),
            takes=("unet",),
        ),
        "mindvideo-joint": Part(
            "brainflix.train.generator_phases:joint_phase",
            "brainflix.train.mindvideo_unet_params:MindVideoJointParams",
            "train MinD-Video's encoder together with layers of its video denoiser",
            needs=("rows", "latents", "encoder"),
            takes=("unet",),
        ),
    },
    "regress": {
        "ridge": Part(
            "brainflix.regress.parts:ridge",
            "brainflix.regress.params:RidgeParams",
            "ridge with alpha by exact cross-validation over runs",
            needs=("rows", "test", "target"),
            takes=("encoder",),
        ),
        "mlp": Part(
            "brainflix.regress.parts:mlp",
            "brainflix.regress.params:MlpParams",
            "one-hidden-layer network on standardised targets, early stop",
            needs=("rows", "test", "target"),
            takes=("encoder",),
        ),
        "encoder": Part(
            "brainflix.regress.parts:encoder",
            "brainflix.regress.params:EncoderParams",
            "the tuned encoder's own output as the prediction",
            needs=("encoder", "test", "target"),
        ),
        "mindvideo-context": Part(
            "brainflix.regress.mindvideo:context",
            "brainflix.regress.params:MindVideoContextParams",
            "MinD-Video's context of each test clip, or that of the mean row for its guidance",
            needs=("encoder", "test"),
        ),
        "blip-captions": Part(
            "brainflix.regress.captions:blip_captions",
            "brainflix.targets.caption_params:BlipCaptionParams",
            "captions of true or predicted BLIP tokens, by its text decoder",
            needs=("tokens",),
        ),
    },
    "reconstruct": {
        "zeroscope": Part(
            "brainflix.reconstruct.zeroscope:load",
            "brainflix.reconstruct.params:ZeroscopeParams",
            "video-to-video diffusion: re-noise the predicted latents, denoise under the predicted prompt",
            needs=("clips",),
            takes=("latents", "prompt", "caption"),
        ),
        "decode-latents": Part(
            "brainflix.reconstruct.decode:load",
            "brainflix.reconstruct.vid2vid_params:DecodeLatentsParams",
            "predicted latents decoded once: the blurry clips that video-to-video generators start from",
            needs=("clips", "latents"),
        ),
        "animatediff": _video_to_video("animatediff", "AnimateDiffParams", "Stable Diffusion and a motion adapter"),
        "wan": _video_to_video("wan", "WanParams", "Wan 2.1"),
        "cogvideox": _video_to_video("cogvideox", "CogVideoXParams", "CogVideoX"),
        "ltx": _video_to_video("ltx", "LtxParams", "LTX-Video"),
        "mindvideo": Part(
            "brainflix.reconstruct.mindvideo:load",
            "brainflix.reconstruct.mindvideo_params:MindVideoGeneratorParams",
            "inflated Stable Diffusion: pure noise, denoised under a context that was decoded from the brain",
            needs=("clips", "unet", "context"),
            takes=("negative",),
        ),
    },
    # What `import-checkpoint` reads; `path` is the file or folder that it is given.
    "checkpoint": {
        "mbm": Part(
            "brainflix.train.imports:import_mbm",
            "brainflix.train.import_params:MbmImportParams",
            "masked autoencoder of mind-vis or Brain Netflix: a .pth with model and config",
            needs=("path",),
        ),
        "mindvideo-encoder": Part(
            "brainflix.train.imports:import_mindvideo_encoder",
            "brainflix.train.import_params:MindVideoEncoderImportParams",
            "MinD-Video's fMRI encoder: the folder fmri_encoder, or its weights with config.json beside",
            needs=("path",),
        ),
        "mindvideo": Part(
            "brainflix.train.import_mindvideo:import_mindvideo",
            "brainflix.train.import_params:MindVideoEncoderImportParams",
            "MinD-Video's folder of one subject: encoder and denoiser; its vae stays where it is",
            needs=("path",),
        ),
    },
    "evaluate": {
        "strict": Part(
            "brainflix.evaluate.strict:score",
            "brainflix.evaluate.params:StrictParams",
            "every number with chance, interval, p, baselines and ceiling",
            needs=("videos", "truth"),
            takes=("oracle", "baselines", "predictions", "targets", "transfer", "samples", "halves"),
        ),
        "mindvideo": _paper("MindVideoParams", "Mind-Video's"),
        "glfa": _paper("GlfaParams", "GLFA's"),
        "mindanimator": _paper("MindAnimatorParams", "Mind-Animator's"),
        "neurons": _paper("NeuronsParams", "NEURONS'"),
        "brainnetflix": _paper("BrainNetflixParams", "Brain Netflix's"),
    },
}
