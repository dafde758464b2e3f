output "image" {
  description = "The image that was built, as ./ingot launch takes it."
  value       = one(aws_imagebuilder_image.golden[*].arn)
}

output "amis" {
  description = "Its AMI in each Region."
  value       = { for ami in flatten(aws_imagebuilder_image.golden[*].output_resources[*].amis) : ami.region => ami.image }
}

output "pipeline" {
  description = "The pipeline, for aws imagebuilder start-image-pipeline-execution."
  value       = aws_imagebuilder_image_pipeline.golden.arn
}
